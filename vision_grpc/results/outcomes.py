"""What the service answered for one image: as wire bytes, as JSON, or as a message."""

from collections.abc import Callable
from contextlib import suppress

from google.protobuf.message import DecodeError

from vision_grpc.codec.json import from_json, may_have_key
from vision_grpc.errors import Code, ProtocolError
from vision_grpc.messages import AnalyzeResult, Status
from vision_grpc.results import ImageError, annotation_of
from vision_grpc.results.text import join_text, read_json_text, read_text


class WireOutcome:
    """An outcome as wire bytes, parsed when it is read: parsing a page costs more than getting it."""

    __slots__ = ("_has_error", "_message", "_text", "_wire")

    def __init__(self, wire: bytes, *, has_error: bool) -> None:
        self._wire = wire
        self._has_error = has_error
        self._message: AnalyzeResult | None = None
        self._text: str | None = None

    def error(self) -> ImageError | None:
        """Return the error; without one, nothing is parsed."""
        return error_of(self.message()) if self._has_error else None

    def message(self) -> AnalyzeResult:
        """Return the parsed result, the same at each call."""
        if self._message is None:
            try:
                self._message = AnalyzeResult.FromString(self._wire)
            except DecodeError as error:
                text = f"the {len(self._wire)} bytes of a result are not a valid AnalyzeResult"
                raise ProtocolError(text) from error
        return self._message

    def text(self) -> str:
        """Return the text, read once, and without the rest unless that has been parsed already."""
        if self._text is None:
            self._text = self._read_text()
        return self._text

    def wire(self) -> bytes:
        """Return the bytes as they came, which are valid if `text` could be read."""
        return self._wire

    def _read_text(self) -> str:
        if self._message is None:
            with suppress(DecodeError, UnicodeDecodeError):
                # Damaged bytes may look like a page without text.
                if text := read_text(self._wire):
                    return text
        return text_of(self.message())  # It raises the error, if any.

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (self._wire, self._has_error)


def _restore(wire: bytes, has_error: bool) -> WireOutcome:  # noqa: FBT001 - called by pickle
    return WireOutcome(wire, has_error=has_error)


class JsonOutcome:
    """An outcome as JSON; errors are made from what `hide` returns, because they may quote a secret."""

    __slots__ = ("_hide", "_json", "_message", "_text")

    def __init__(self, json: bytes, hide: Callable[[bytes], bytes] = bytes) -> None:
        self._json = json
        self._hide = hide
        self._message: AnalyzeResult | None = None
        self._text: str | None = None

    def error(self) -> ImageError | None:
        """Return the error; if the JSON cannot contain one, nothing is parsed."""
        if not may_have_key(self._json, "error"):
            return None
        self._json = self._hide(self._json)
        return error_of(self.message())

    def message(self) -> AnalyzeResult:
        """Return the parsed result, the same at each call."""
        if self._message is None:
            self._message = self._parse()
        return self._message

    def text(self) -> str:
        """Return the text, read once, and without the whole message unless that has been parsed already."""
        if self._text is None and self._message is None:
            self._text = read_json_text(self._json)
        if self._text is None:
            self._text = text_of(self.message())
        return self._text

    def wire(self) -> bytes:
        """Return the parsed result in wire format."""
        return self.message().SerializeToString()

    def _parse(self) -> AnalyzeResult:
        # Without the secret first, as an error quotes the JSON; a text that has the secret in it stays as it is.
        hidden = self._hide(self._json)
        message = from_json(hidden, AnalyzeResult)
        return message if hidden == self._json else from_json(self._json, AnalyzeResult)

    def __reduce__(self) -> tuple[object, ...]:
        if self._message is not None:  # Half as large.
            return _restore, (self.wire(), self.error() is not None)
        return JsonOutcome, (self._hide(self._json),)


class MessageOutcome:
    """An outcome that is already a message."""

    __slots__ = ("_message",)

    def __init__(self, message: AnalyzeResult) -> None:
        self._message = message

    def error(self) -> ImageError | None:
        """Return the error."""
        return error_of(self._message)

    def message(self) -> AnalyzeResult:
        """Return the result."""
        return self._message

    def text(self) -> str:
        """Return the text."""
        return text_of(self._message)

    def wire(self) -> bytes:
        """Return the result in wire format."""
        return self._message.SerializeToString()


def text_of(result: AnalyzeResult) -> str:
    """Return the text of the first text feature."""
    annotation = annotation_of(result)
    return "" if annotation is None else join_text(annotation.pages)


def error_of(result: AnalyzeResult) -> ImageError | None:
    """Return the error of a file, else that of its first failed feature, else None."""
    if result.HasField("error"):
        return _image_error(result.error)
    failed = (feature.error for feature in result.results if feature.HasField("error"))
    status = next(failed, None)
    return None if status is None else _image_error(status)


def _image_error(status: Status) -> ImageError:
    # A status that is present but has no error code is still an error.
    return ImageError(Code.from_number(status.code) or Code.UNKNOWN, status.message, tuple(status.details))
