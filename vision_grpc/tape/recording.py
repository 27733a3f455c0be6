"""The answer for one image, as it is kept."""

import time
from collections.abc import Sequence
from typing import NamedTuple, Self

from vision_grpc.errors import ProtocolError
from vision_grpc.results import ImageResult, Outcome
from vision_grpc.results.ocr_outcome import OcrOutcome
from vision_grpc.results.ocr_pages import carried_pages
from vision_grpc.results.outcomes import WireOutcome


class Recording(NamedTuple):
    """A successful answer in wire format, and what it answers. It has no key, no image and no secret."""

    messages: Sequence[bytes]
    """An AnalyzeResult of vision/v1, or a RecognizeTextResponse of ocr/v1 for each page."""

    has_pages: bool
    """Whether the messages are pages of ocr/v1."""

    api: str
    model: str
    languages: Sequence[str]
    recorded_at: float
    """When the answer came, in seconds since 1970 (UTC)."""

    request_id: str | None = None
    """The service's id of the call that was answered."""

    @classmethod
    def of(cls, result: ImageResult, *, api: str, model: str, languages: Sequence[str]) -> Self | None:
        """Return the recording of a result that came just now; None where it has an error or a damaged answer.

        The answer is to be that for the image as it was sent: boxes in its own pixels. That of vision/v1 is read, which
        costs what reading the text does, and once for both.
        """
        if result.error is not None or result.outcome is None:
            return None
        try:
            if isinstance(result.outcome, OcrOutcome):
                result.outcome.check()
            else:
                result.outcome.text()
            pages = _pages_of(result.outcome)
            messages = pages or [result.outcome.wire()]
        except ProtocolError:
            return None
        return cls(messages, bool(pages), api, model, tuple(languages), time.time(), result.request_id)

    def result(self, key: str) -> ImageResult:
        """Return the result for an image with this key: as it was, but sent no time, and brought by the tape."""
        outcome = OcrOutcome(self.messages) if self.has_pages else WireOutcome(self.messages[0], has_error=False)
        return ImageResult(key, outcome, transport="tape", request_id=self.request_id)


def _pages_of(outcome: Outcome) -> Sequence[bytes]:
    """Return the pages of ocr/v1; none of an answer of vision/v1."""
    # Those pages need not be joined to be cut again.
    return outcome.pages if isinstance(outcome, OcrOutcome) else carried_pages(outcome.wire())
