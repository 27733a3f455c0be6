"""What comes back for an image."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from vision_grpc.errors import Code

if TYPE_CHECKING:
    from vision_grpc.messages import AnalyzeResult, Any, Status, TextAnnotation, Word

TransportName = Literal["grpc", "rest"]


@dataclass(frozen=True, slots=True)
class ImageError:
    """Why an image has no result, or not all of it."""

    code: Code
    message: str
    details: Sequence["Any"] = ()
    """google.protobuf.Any messages of the service."""

    @property
    def retryable(self) -> bool:
        """Whether the same image may succeed a little later."""
        return self.code.retryable

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}"


@dataclass(frozen=True, slots=True)
class ImageResult:
    """The outcome for one image: text, or an error, or both when only some features failed."""

    key: str
    """The path, or the key of the `Image`, or `#position` for bare bytes."""

    result: "AnalyzeResult | None" = field(default=None, repr=False)
    """The service's answer for this image; None when it did not answer."""

    error: ImageError | None = None
    """The image's own error, else that of its first failed feature."""

    attempts: int = 0
    """How often the image was sent; 0 when it was refused here."""

    transport: TransportName | None = None
    """What brought the answer."""

    request_id: str | None = None
    """The service's id of the call: what its support asks for."""

    @classmethod
    def from_answer(
        cls, key: str, result: "AnalyzeResult", *, attempts: int, transport: TransportName, request_id: str | None
    ) -> "ImageResult":
        """Return the outcome that the service's answer tells."""
        return cls(key, result, _error_of(result), attempts, transport, request_id)

    @property
    def ok(self) -> bool:
        """Whether the image and all its features succeeded."""
        return self.error is None

    @property
    def annotation(self) -> "TextAnnotation | None":
        """The recognised text with its geometry, None when there is none; of the first text feature if several."""
        if self.result is None:
            return None
        texts = (feature.text_detection for feature in self.result.results if feature.HasField("text_detection"))
        return next(texts, None)

    @property
    def text(self) -> str:
        """The recognised text: words joined by spaces, a line each, blocks apart by an empty line.

        Empty when nothing was recognised; `ok` tells an empty page from a failure.
        """
        annotation = self.annotation
        if annotation is None:
            return ""
        blocks = (
            "\n".join(" ".join(word.text for word in line.words) for line in block.lines)
            for page in annotation.pages
            for block in page.blocks
        )
        return "\n\n".join(blocks)

    def words(self) -> Iterator["Word"]:
        """Yield every word in reading order, with box, confidence and languages."""
        annotation = self.annotation
        if annotation is None:
            return
        for page in annotation.pages:
            for block in page.blocks:
                for line in block.lines:
                    yield from line.words


def _error_of(result: "AnalyzeResult") -> ImageError | None:
    if result.HasField("error"):
        return _image_error(result.error)
    failed = (feature.error for feature in result.results if feature.HasField("error"))
    status = next(failed, None)
    return None if status is None else _image_error(status)


def _image_error(status: "Status") -> ImageError:
    return ImageError(Code.from_number(status.code), status.message, tuple(status.details))
