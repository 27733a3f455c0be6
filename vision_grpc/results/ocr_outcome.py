"""What ocr/v1 answered for one file: its pages, and the error that came after them, if any."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from vision_grpc.errors import ProtocolError
from vision_grpc.messages import AnalyzeResult, RecognizeTextResponse, Status
from vision_grpc.results.ocr_pages import result_of
from vision_grpc.results.outcomes import error_of, text_of
from vision_grpc.results.result import ImageError


class OcrOutcome:
    """An outcome as the wire bytes of its pages, which are parsed when they are read."""

    __slots__ = ("_message", "_status", "pages")

    def __init__(self, pages: Sequence[bytes], status: Status | None = None) -> None:
        self.pages = pages
        """The RecognizeTextResponse messages in wire format."""
        self._status = status
        self._message: AnalyzeResult | None = None

    def error(self) -> ImageError | None:
        """Return the error that ended the pages; nothing is parsed."""
        return None if self._status is None else error_of(AnalyzeResult(error=self._status))

    def message(self) -> AnalyzeResult:
        """Return the pages as an AnalyzeResult, the same at each call; see `ocr_pages`."""
        if self._message is None:
            try:
                self._message = result_of(self.pages)
            except DecodeError as error:
                raise self._damage() from error
            if self._status is not None:
                self._message.error.CopyFrom(self._status)
        return self._message

    def check(self) -> None:
        """Raise ProtocolError if the pages are damaged, for less than it costs to make an AnalyzeResult of them."""
        try:
            for page in self.pages:
                RecognizeTextResponse.FromString(page)
        except DecodeError as error:
            raise self._damage() from error

    def text(self) -> str:
        """Return the text of all pages."""
        return text_of(self.message())

    def wire(self) -> bytes:
        """Return the AnalyzeResult in wire format, from which all of it can be read again."""
        return self.message().SerializeToString()

    def __reduce__(self) -> tuple[object, ...]:
        return OcrOutcome, (self.pages, self._status)

    def _damage(self) -> ProtocolError:
        size = sum(map(len, self.pages))
        return ProtocolError(f"the {size} bytes of an answer are not valid RecognizeTextResponses")
