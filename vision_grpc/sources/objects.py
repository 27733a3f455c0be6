"""What callers pass as images besides paths and bytes: open files and pictures of Pillow."""

import os
import sys
from typing import Any, Protocol, TypeGuard

from vision_grpc.config import Limits
from vision_grpc.results import ImageError
from vision_grpc.sources.extras import missing_extra
from vision_grpc.sources.file_objects import BinaryFile, name_of, read_open_file
from vision_grpc.sources.image import FittedImage, Image, Rejection
from vision_grpc.texts.quoting import quote_name

# Kinds of NumPy's numbers: pixels are such, paths and bytes are not.
_NUMBERS = frozenset("biuf")


class Picture(Protocol):
    """A `PIL.Image.Image`. This package works without Pillow, and so do its types."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        ...

    @property
    def mode(self) -> str:
        """What its pixels consist of, such as `RGB`."""
        ...

    def getexif(self) -> Any:  # noqa: ANN401 - of Pillow
        """Return its EXIF data."""
        ...


def key_of(given: object, position: int) -> str:
    """Return the key of an object: the name of its file, else its position."""
    return name_of(given) or f"#{position}"


def is_picture(given: object) -> TypeGuard[Picture]:
    """Return whether an object is a picture of Pillow, which is imported by then."""
    module: Any = sys.modules.get("PIL.Image")
    return module is not None and isinstance(given, module.Image)


def is_open_file(given: object) -> TypeGuard[BinaryFile]:
    """Return whether bytes can be read from an object a few at a time."""
    kind = type(given)
    # The answers of requests and httpx have their bytes as `content`, which may still have to be downloaded. The paths
    # of `py.path` have a `read` that opens their files.
    if isinstance(given, type | os.PathLike) or hasattr(kind, "content"):
        return False
    # A field of Django opens its file when its `read` is looked up.
    return hasattr(kind, "read") or callable(getattr(given, "read", None))


def read_object(given: Picture | BinaryFile, position: int, limits: Limits) -> Image | Rejection:
    """Return the image that an open file or a picture is, or why it cannot be read.

    Raises:
        TypeError: the file does not give bytes.
    """
    key = key_of(given, position)
    read = _fit(given, key, limits) if is_picture(given) else _read(given, key, limits)
    return Rejection(key, read) if isinstance(read, ImageError) else read


def refuse(given: object, position: int) -> TypeError:
    """Return the error of an object that is not an image, with what to pass in its place."""
    kind = type(given)
    if is_array(given):
        remedy = "array.tobytes()" if len(_shape(given)) == 1 else "PIL.Image.fromarray(array)"
        return TypeError(f"image {position} of the source is an array of numbers: give {remedy}")
    if isinstance(given, type):
        return TypeError(f"image {position} of the source is the class {given.__name__}: give an object")
    if hasattr(kind, "content"):
        remedy = "give its content, as in response.content"
    elif hasattr(kind, "read_bytes"):  # Paths into a ZIP or a store.
        remedy = "give its bytes, as in path.read_bytes()"
    else:
        remedy = "give a path, bytes, a file opened with mode 'rb', a picture of Pillow or an Image"
    return TypeError(f"image {position} of the source is of type {kind.__name__}: {remedy}")


def is_array(given: object) -> bool:
    """Return whether an object is an array of NumPy, or one like it, that holds numbers."""
    kind = getattr(getattr(given, "dtype", None), "kind", None)
    return kind in _NUMBERS and hasattr(given, "__array_interface__") and len(_shape(given)) > 0


def _shape(array: Any) -> tuple[int, ...]:  # noqa: ANN401 - of any library
    return tuple(getattr(array, "shape", ()))


def _read(file: Any, key: str, limits: Limits) -> Image | ImageError:  # noqa: ANN401 - has a method `read`
    content = read_open_file(file, key, limits)
    return content if isinstance(content, ImageError) else Image(key, content)


def _fit(picture: Any, key: str, limits: Limits) -> FittedImage | ImageError:  # noqa: ANN401 - of Pillow
    try:
        from vision_grpc.sources.fit.given import fit_given
    except ImportError as error:  # An old release of Pillow lacks what fitting takes.
        return missing_extra(error, "images", quote_name(key))
    return fit_given(picture, key, limits)
