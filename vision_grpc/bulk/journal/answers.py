"""The answer in a line of a journal, decoded when something of it is read."""

from typing import TYPE_CHECKING

import pybase64

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


def _decode(text: str) -> bytes:
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        return _NO_MESSAGE
