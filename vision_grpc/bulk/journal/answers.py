"""The answer in a line of a journal, decoded when something of it is read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pybase64

from vision_grpc.codec.json import from_json
from vision_grpc.messages import RecognizeTextResponse, Status
from vision_grpc.results.ocr_outcome import OcrOutcome
from vision_grpc.results.outcomes import WireOutcome

if TYPE_CHECKING:
    from vision_grpc.messages import AnalyzeResult
    from vision_grpc.results import ImageError

# No message begins so.
_NO_MESSAGE = b"\xff"


class EncodedOutcome:
    """An outcome as wire bytes in base64."""

    __slots__ = ("_encoded", "_has_error", "_outcome")

    def __init__(self, encoded: str, *, has_error: bool) -> None:
        self._encoded = encoded
        self._has_error = has_error
        self._outcome: WireOutcome | None = None

    def error(self) -> "ImageError | None":
        """Return the error; without one, nothing is decoded."""
        return self._decoded().error() if self._has_error else None

    def message(self) -> "AnalyzeResult":
        """Return the parsed result, the same at each call."""
        return self._decoded().message()

    def text(self) -> str:
        """Return the text of the answer."""
        return self._decoded().text()

    def wire(self) -> bytes:
        """Return the decoded bytes."""
        return self._decoded().wire()

    def _decoded(self) -> WireOutcome:
        if self._outcome is None:
            self._outcome = WireOutcome(_decode(self._encoded), has_error=self._has_error)
            self._encoded = ""
        return self._outcome

    def __reduce__(self) -> str | tuple[object, ...]:
        # In bytes: base64 is a third longer.
        return self._decoded().__reduce__()


class PagesOutcome:
    """An outcome as the JSON of its pages."""

    __slots__ = ("_json", "_outcome", "_status")

    def __init__(self, pages: Sequence[bytes], status: Status | None) -> None:
        self._json = pages
        self._status = status
        self._outcome: OcrOutcome | None = None

    def error(self) -> "ImageError | None":
        """Return the error that the line has beside the pages."""
        return self._parsed().error()

    def message(self) -> "AnalyzeResult":
        """Return the pages as an AnalyzeResult, the same at each call."""
        return self._parsed().message()

    def text(self) -> str:
        """Return the text of the pages."""
        return self._parsed().text()

    def wire(self) -> bytes:
        """Return the AnalyzeResult in wire format."""
        return self._parsed().wire()

    def _parsed(self) -> OcrOutcome:
        if self._outcome is None:
            pages = [from_json(page, RecognizeTextResponse).SerializeToString() for page in self._json]
            self._outcome = OcrOutcome(pages, self._status)
            self._json = ()
        return self._outcome

    def __reduce__(self) -> str | tuple[object, ...]:
        return self._parsed().__reduce__()


def _decode(text: str) -> bytes:
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        return _NO_MESSAGE
