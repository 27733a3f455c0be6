"""Which kind of file it is, by its bytes, and whether the media type of the request says so."""

from enum import Enum
from typing import Self

from vision_grpc.contract import jpeg, png
from vision_grpc.contract.foreign import is_pdf
from vision_grpc.errors import Code, ServiceError
from vision_grpc.texts.quoting import show

# Some clients know no better.
_ANY = frozenset({"", "*", "*/*", "image", "image/*", "application/octet-stream", "binary/octet-stream"})


class FileKind(Enum):
    """The kinds of files that are read; the values are what requests call them, in lower case."""

    JPEG = ("image/jpeg", "image/jpg", "image/pjpeg", "jpeg", "jpg")
    PNG = ("image/png", "image/x-png", "png")
    PDF = ("application/pdf", "application/x-pdf", "pdf")

    @classmethod
    def of(cls, content: bytes) -> Self | None:
        """Return the kind of a file, None if it is none of these."""
        if content.startswith(jpeg.SIGNATURE):
            return cls(cls.JPEG)
        if content.startswith(png.SIGNATURE):
            return cls(cls.PNG)
        return cls(cls.PDF) if is_pdf(content) else None


def check_mime_type(mime_type: str, kind: FileKind | None) -> None:
    """Check a request's media type: the contract lets it be any text, in either case, with parameters or empty.

    Raises:
        ServiceError: it is not one that is read, or not that of the file.
    """
    name = mime_type.partition(";")[0].strip().lower()
    if name in _ANY:
        return
    said = next((each for each in FileKind if name in each.value), None)
    if said is None:
        message = f"mime_type: {show(mime_type)} is not read: send image/jpeg, image/png or application/pdf"
        raise ServiceError(Code.INVALID_ARGUMENT, message)
    if kind is not None and said is not kind:
        message = f"mime_type: it says {said.name}, but the file is a {kind.name}: send {kind.value[0]}"
        raise ServiceError(Code.INVALID_ARGUMENT, message)
