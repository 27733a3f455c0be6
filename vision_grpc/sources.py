"""Images as callers hand them over, made into bytes with a key."""

import os
from pathlib import Path
from typing import NamedTuple, TypeAlias

from vision_grpc.config import Limits
from vision_grpc.core.image_header import describe_excess_bytes
from vision_grpc.errors import Code
from vision_grpc.results import ImageError


class Image(NamedTuple):
    """The bytes of a JPEG or PNG file and the key under which its result comes back."""

    key: str
    content: bytes

    def __repr__(self) -> str:
        return f"Image(key={self.key!r}, content=<{len(self.content)} bytes>)"


ImageSource: TypeAlias = Image | bytes | str | os.PathLike[str]
"""What a caller may hand over as an image: bytes, a path, or an Image with a key of its own."""


def key_of(source: ImageSource, position: int) -> str:
    """Return the key of an image: its own, its path, or `#position` for bare bytes."""
    if isinstance(source, Image):
        return source.key
    if isinstance(source, bytes):
        return f"#{position}"
    return os.fspath(source)


def read_content(source: ImageSource, limits: Limits) -> bytes | ImageError:
    """Return the bytes of an image, or why they cannot be had.

    A file over the limit is not read, however large it is.
    """
    if isinstance(source, Image):
        return source.content
    return source if isinstance(source, bytes) else _read_file(Path(source), limits)


def _read_file(path: Path, limits: Limits) -> bytes | ImageError:
    try:
        with path.open("rb") as file:
            content = file.read(limits.content_bytes + 1)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return ImageError(Code.NOT_FOUND, f"{path}: no such file, check the path")
    except IsADirectoryError:
        return ImageError(Code.INVALID_ARGUMENT, f"{path}: is a folder, name the files in it")
    except PermissionError:
        return ImageError(Code.PERMISSION_DENIED, f"{path}: may not be read, check its permissions")
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path.
        return ImageError(Code.INVALID_ARGUMENT, f"{path}: cannot be read ({error})")
    if len(content) > limits.content_bytes:
        # A pipe has no size; a file may have grown since.
        return ImageError(Code.INVALID_ARGUMENT, f"{path}: {describe_excess_bytes(max(size, len(content)), limits)}")
    return content
