"""An image on its way through the client."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from vision_grpc.results import ImageError, ImageResult
from vision_grpc.texts.quoting import show

Content: TypeAlias = bytes | bytearray | memoryview
"""Bytes of a file; what can be changed is copied when the image is pulled."""


class Image(NamedTuple):
    """The bytes of a JPEG or PNG file and the key under which its result comes back."""

    key: str
    content: Content
    languages: Sequence[str] | None = None
    """Its own languages, None for those of the call."""
    model: str | None = None
    """Its own model, None for that of the call."""

    def __repr__(self) -> str:
        own = [
            f", {name}={show(value)}"
            for name, value in (("languages", self.languages), ("model", self.model))
            if value is not None
        ]
        return f"Image(key={show(self.key)}, content=<{len(self.content)} bytes>{''.join(own)})"


class FittedImage(Image):
    """An image that was made of something else, with the way back for its result."""

    restore: Callable[[ImageResult], ImageResult]
    """Returns a result with its boxes in the pixels of what the image was made of."""


class PendingOperation(NamedTuple):
    """A file that the service has accepted before: nothing is sent, the result of the operation is fetched.

    It stands in place of an image, for an API that has operations. An event `OperationAccepted` has the id.
    """

    key: str
    operation_id: str


class FittedOperation(PendingOperation):
    """The operation of a file that was made of something else, with the way back for its result."""

    restore: Callable[[ImageResult], ImageResult]
    """Returns a result with its boxes in the pixels of what the file was made of."""


class Rejection(NamedTuple):
    """An image that cannot be sent, and why."""

    key: str
    error: ImageError

    @property
    def result(self) -> ImageResult:
        """Its result."""
        return ImageResult(self.key, error=self.error)


class Recalled(NamedTuple):
    """An image that need not be sent, as its answer was kept: on the tape of the client, or by its source."""

    key: str
    result: ImageResult


Pulled: TypeAlias = Image | PendingOperation | Rejection | Recalled
"""What a stream takes from its source."""

HAVE_RESULTS = (Rejection, Recalled)
"""The kinds of which nothing is sent: each has its `result`."""
