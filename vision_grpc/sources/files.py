"""What callers pass as images, made into bytes with a key."""

import errno
import os
from collections.abc import AsyncIterable, Iterable
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import TypeAlias, cast

from vision_grpc.config import Limits
from vision_grpc.contract.image_header import check_image
from vision_grpc.errors import Code, MachineError
from vision_grpc.results import ImageError
from vision_grpc.sources.file_objects import BinaryFile
from vision_grpc.sources.formats import too_large, unfit
from vision_grpc.sources.image import HAVE_RESULTS, Content, Image, PendingOperation, Pulled, Recalled, Rejection
from vision_grpc.sources.item import Item, Read
from vision_grpc.sources.objects import Picture, is_array, is_open_file, is_picture, key_of, read_object, refuse
from vision_grpc.sources.places.urls import STORE_SCHEMES
from vision_grpc.texts.encoded import encoding_of
from vision_grpc.texts.quoting import quote_name, show
from vision_grpc.texts.urls import scheme_like

ImageSource: TypeAlias = (
    Image | Item | PendingOperation | Rejection | Recalled | Content | str | os.PathLike[str] | BinaryFile | Picture
)
"""What a caller may pass as an image: a path, bytes, a binary file, a picture of Pillow, an `Image` or an `Item` that
has a key, what the service has accepted before, why there is none, or an answer that was kept."""

HEAD_BYTES = 1_024
"""How much of a content tells what it is. A PDF has its signature anywhere there."""

PATIENCE_S = 0.01
"""How long the images that have come are held back while a batch could have more."""

# What opening a text that is not a path ends with. Windows has EINVAL for characters that no name may have.
_LEADING_NOWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL})
# The way to a network disk fails, not the path.
_ON_THE_WAY = frozenset({errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH})


def read_image(source: ImageSource, position: int, limits: Limits) -> Pulled:
    """Return an image that may be sent, or why it may not; what was sent before as it is.

    The key is that of the `Image`, the path, the name of the file or picture, or `#position` for what has no name. A
    file over the limit is not read, and buffers are copied: what is done to one later does not change the image.
    """
    if isinstance(source, Image):
        _check_parts(source, position)
        image = source
    elif isinstance(source, PendingOperation):
        return _check_operation(source, position)
    elif isinstance(source, bytes):
        image = Image(f"#{position}", source)
    else:
        made = _read_other(source, position, limits)
        if not isinstance(made, Image):
            return made
        image = made
    content = image.content
    if not isinstance(content, bytes):
        copied = _copy(content, image.key, limits)
        if isinstance(copied, ImageError):
            return Rejection(image.key, copied)
        image, content = image._replace(content=copied), copied
    fault = check_image(content, limits)
    return image if fault is None else Rejection(image.key, unfit(image.key, fault, content))


def is_in_memory(source: object) -> bool:
    """Return whether an image can be read without waiting for anything."""
    return isinstance(source, Image | PendingOperation | Rejection | Recalled | Content) or type(source) is BytesIO


def key_of_source(source: ImageSource, position: int) -> str:
    """Return the key that an image gets which is not an `Image`.

    Raises:
        TypeError: it is not an image.
    """
    if isinstance(source, Item):
        return source.key
    return key_of(source, position) if is_picture(source) or is_open_file(source) else path_of(source, position)


def image_of(item: Item, read: Read | PendingOperation) -> Pulled:
    """Return what was read of an item under its key; the operation that has it already as it is."""
    if isinstance(read, ImageError):
        return Rejection(item.key, read)
    if isinstance(read, PendingOperation):
        return read
    content = read if isinstance(read, Content) else read.content
    return Image(item.key, content, item.languages, item.model)


def check_many(images: object, *, may_be_async: bool = False) -> None:
    """Refuse what is not many images: a string would be taken for many paths of one letter.

    Raises:
        TypeError: the argument is one image, or nothing to iterate over.
    """
    is_one = isinstance(images, str | os.PathLike | Image | Item | PendingOperation | Rejection | Recalled | Content)
    if is_one or is_picture(images) or is_open_file(images) or is_array(images):
        message = "analyze_many takes an iterable of images; for one, use analyze or put it into a list"
    elif isinstance(images, AsyncIterable):
        if may_be_async:
            return
        message = "analyze_many of VisionClient takes no asynchronous iterable; AsyncVisionClient does"
    elif _can_be_iterated(images):
        return
    else:
        message = f"analyze_many takes an iterable of images, not {show(images)}"
    raise TypeError(message)


def _can_be_iterated(images: object) -> bool:
    # By its numbers alone, for example a data set of PyTorch.
    return not isinstance(images, type) and (isinstance(images, Iterable) or hasattr(type(images), "__getitem__"))


class Source:
    """An iterable of images, pulled a few at a time.

    An exception of the iterable is its end: the images before it are not lost, and `error` keeps the exception
    until all of them have their results.
    """

    def __init__(self, images: Iterable[ImageSource], limits: Limits) -> None:
        self._numbered = enumerate(images)
        self._limits = limits
        self.exhausted: bool = False
        self.error: Exception | None = None

    def next(self) -> Pulled | None:
        """Return the next image, read from its file in this call; None at the end."""
        try:
            for position, source in self._numbered:
                return read_image(source, position, self._limits)
        except Exception as error:  # noqa: BLE001 - raised again at the end of the stream
            self.error = error
        self.exhausted = True
        return None

    def pull(self, most: int) -> list[Pulled]:
        """Return at most so many of the next images; fewer at the end, or when they come slowly, but at least one."""
        pulled: list[Pulled] = []
        patient_until = monotonic() + PATIENCE_S
        while (image := self.next()) is not None:
            pulled.append(image)
            if len(pulled) >= most or monotonic() > patient_until:
                break
        return pulled


def _read_other(source: ImageSource, position: int, limits: Limits) -> Pulled:
    if isinstance(source, Item):
        return image_of(source, source.read(limits))
    if isinstance(source, HAVE_RESULTS):
        return source
    if isinstance(source, bytearray | memoryview):
        return Image(f"#{position}", source)
    if not isinstance(source, str) and (is_picture(source) or is_open_file(source)):
        return read_object(source, position, limits)
    path = path_of(source, position)
    read = read_file(path, limits)
    return Rejection(path, read) if isinstance(read, ImageError) else Image(path, read)


def _copy(content: bytearray | memoryview, key: str, limits: Limits) -> bytes | ImageError:
    try:
        view = memoryview(content)
    except ValueError:
        return ImageError(Code.INVALID_ARGUMENT, f"{quote_name(key)}: the memoryview is released: pass it before that")
    with view:
        return too_large(key, view.nbytes, limits) if view.nbytes > limits.content_bytes else view.tobytes()


def _check_parts(image: Image, position: int) -> None:
    key, content, _, _ = cast("tuple[object, object, object, object]", image)
    if not (isinstance(key, str) and isinstance(content, Content)):
        parts = f"a {type(key).__name__} and {type(content).__name__}"
        message = (
            f"image {position} of the source, with the key {show(key)}, holds {parts}: an Image takes a str and bytes"
        )
        raise TypeError(message)


def _check_operation(operation: PendingOperation, position: int) -> PendingOperation | Rejection:
    key, operation_id = cast("tuple[object, object]", operation)
    if not (isinstance(key, str) and isinstance(operation_id, str)):
        parts = f"a {type(key).__name__} and a {type(operation_id).__name__}"
        message = f"image {position} of the source is a PendingOperation of {parts}: it takes two texts, key and id"
        raise TypeError(message)
    if not operation_id or not operation_id.isascii() or not operation_id.isprintable():
        fault = f"{quote_name(key)}: {show(operation_id)} is not the id of an operation, take that of OperationAccepted"
        return Rejection(key, ImageError(Code.INVALID_ARGUMENT, fault))
    return operation


def path_of(source: object, position: int) -> str:
    """Return the path that a caller passed as an image.

    Raises:
        TypeError: it is not a path.
    """
    try:
        path: object = os.fspath(cast("os.PathLike[str]", source))
    except TypeError:
        path = source
    if not isinstance(path, str):
        raise refuse(path, position)
    return path


def read_file(path: str, limits: Limits) -> bytes | ImageError:
    """Return the content of a file, or why it cannot be read or is larger than the limits allow."""
    try:
        with Path(path).open("rb") as file:
            content, size = b"", os.fstat(file.fileno()).st_size
            if size <= limits.content_bytes:
                # Not up to the limit: `read` would allocate and free that much memory for each file.
                content = file.read(size + 1)
                if len(content) > size:  # A pipe has no size; a file may have grown since.
                    content += file.read(limits.content_bytes + 1 - len(content))
                size = len(content)
    except (OSError, ValueError, MemoryError) as error:
        return explain_unread(path, error)
    if size > limits.content_bytes:
        return too_large(path, size, limits)
    return content


def read_head(path: str) -> bytes:
    """Return the beginning of a file.

    Raises:
        OSError, ValueError, MemoryError: it cannot be read.
    """
    with open(path, "rb") as file:  # noqa: PTH123 - a Path may change the spelling
        return file.read(HEAD_BYTES)


def explain_unread(path: str, error: OSError | ValueError | MemoryError) -> ImageError:
    """Return what kept a file from being read; the error's own text would repeat the path."""
    code, fault = _explain_no_path(error, path) or _explain(error, path)
    return ImageError(code, f"{quote_name(path)}: {fault}")


def _explain_no_path(error: OSError | ValueError | MemoryError, path: str) -> tuple[Code, str] | None:
    """Return what is wrong with a path that is empty, an encoded image or a URL: one that leads nowhere.

    A file may be called like such a text, for example by a hash of its content.
    """
    if not path:  # Python reads it as the current folder.
        return Code.INVALID_ARGUMENT, "the path is empty"
    leads_nowhere = isinstance(error, ValueError) or getattr(error, "errno", None) in _LEADING_NOWHERE
    if not leads_nowhere:
        return None
    if (kind := encoding_of(path)) is not None:
        return Code.INVALID_ARGUMENT, f"looks like {kind} in place of a path: decode it first, and pass the bytes"
    if (scheme := scheme_like(path)) is not None:
        return Code.INVALID_ARGUMENT, f"is a URL ({scheme}://) in place of a path: {_advise_on_url(scheme)}"
    return None


def _advise_on_url(scheme: str) -> str:
    if scheme == "file":
        return "pass the path, without file://"
    if scheme in STORE_SCHEMES:
        return "open_places of vision_grpc.sources.places.opening reads it, and so does the command line"
    return "download it first, and pass the bytes"


def _explain(error: OSError | ValueError | MemoryError, path: str) -> tuple[Code, str]:
    if shortage := MachineError.of(error, "cannot be read now"):
        return shortage.code, str(shortage)
    match error:
        case FileNotFoundError():
            target = _target_of_link(path)
            fault = (
                "no such file, check the path" if target is None else f"broken link to {quote_name(target)}, mend it"
            )
            return Code.NOT_FOUND, fault
        case IsADirectoryError():
            return Code.INVALID_ARGUMENT, "is a folder, name the files in it"
        case PermissionError():
            return Code.PERMISSION_DENIED, "may not be read, check its permissions"
        case OSError():
            if error.errno in _ON_THE_WAY:
                code, fault = Code.UNAVAILABLE, "cannot be read now, look at the server of its disk"
            else:
                code = Code.INVALID_ARGUMENT
                fault = "a link that leads back to itself, mend it" if error.errno == errno.ELOOP else "cannot be read"
            return code, f"{fault} ({error.strerror})"
        case _:
            return Code.INVALID_ARGUMENT, "cannot be read: a path cannot have these characters"


def _target_of_link(path: str) -> str | None:
    try:
        return os.readlink(path)  # noqa: PTH115 - a Path would drop an empty name
    except (OSError, ValueError):
        return None
