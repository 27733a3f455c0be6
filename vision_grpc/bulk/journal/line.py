"""The line of a result: JSON in strict UTF-8, made from wire bytes without a parse."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec
import pybase64
from msgspec import UNSET, Raw, Struct, UnsetType

from vision_grpc.bulk.failures import is_tried_again
from vision_grpc.bulk.units import units_of
from vision_grpc.codec.json import to_json
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.results.ocr_pages import read_pages
from vision_grpc.texts.strict import bytes_of_key, is_strict, strict_tree

if TYPE_CHECKING:
    from vision_grpc.bulk.sink import Sent
    from vision_grpc.sources.fit import Change

Answers: TypeAlias = Literal["wire", "json", "none"]
"""How a line keeps the service's answer: the message's bytes in base64, proto3 JSON, or not at all."""


class _Line(Struct, omit_defaults=True, gc=False, kw_only=True):
    """The fields of a line in their order. Those up to `error` come first: they are all that a resume reads."""

    key: str
    ok: bool
    retryable: bool
    units: int | UnsetType = UNSET
    error: dict[str, str] | None
    text: str
    attempts: int
    request_id: str | None
    transport: str | None
    started_at: datetime | None
    finished_at: datetime | None
    operation: str | None = None
    key_bytes: str | None = None
    fitted: Mapping[str, Any] | None = None
    languages: Sequence[str] | None = None
    model: str | None = None
    wire: Raw | None = None
    result: Raw | UnsetType | None = UNSET
    pages: Raw | UnsetType = UNSET


_encode = msgspec.json.Encoder().encode
_NULL = Raw(b"null")


class LineWriter:
    """Makes lines of results; `answers` says how the service's answers are kept."""

    def __init__(self, answers: Answers = "wire") -> None:
        self._answers = answers

    def render(
        self,
        result: ImageResult,
        sent: "Sent | None" = None,
        change: "Change | None" = None,
        *,
        finished_at: float | None = None,
    ) -> bytes:
        """Return the line of a result, its line end included; `finished_at` is a time as of `time.time`.

        An answer that is damaged becomes the error of the result, as by `ImageResult.check`.
        """
        error = result.check().error
        units = units_of(result)
        line = _Line(
            key=result.key,
            ok=error is None,
            retryable=is_tried_again(result),
            units=UNSET if units == (error is None) else units,
            error=None if error is None else _error(error),
            text=result.text,
            attempts=result.attempts,
            request_id=result.request_id,
            transport=result.transport,
            started_at=None if sent is None else datetime.fromtimestamp(sent.started_at, UTC),
            finished_at=None if finished_at is None else datetime.fromtimestamp(finished_at, UTC),
            operation=result.operation_id,
            fitted=None if change is None else strict_tree(change.to_dict()),
            languages=None if sent is None else sent.item.languages,
            model=None if sent is None else sent.item.model,
        )
        if self._answers == "wire":
            if result.outcome is not None:
                line.wire = Raw(b'"%b"' % pybase64.b64encode(result.outcome.wire()))
        elif self._answers == "json":
            if result.outcome is None:
                line.result = _NULL
            elif pages := read_pages(result.outcome.wire()):
                line.pages = Raw(b"[%b]" % b",".join(map(to_json, pages)))
            else:
                line.result = Raw(to_json(result.outcome.message()))
        try:
            return _encode(line) + b"\n"
        except UnicodeEncodeError:
            return _encode(_strict(line)) + b"\n"


def _error(error: ImageError) -> dict[str, str]:
    return {"code": error.code.name, "message": error.message}


def _strict(line: _Line) -> _Line:
    """Return a line without lone surrogates; of a key that has some, the bytes are kept."""
    if not is_strict(line.key):
        line.key_bytes = pybase64.b64encode(bytes_of_key(line.key)).decode()
    for name in ("key", "error", "text", "request_id", "operation", "languages", "model"):
        setattr(line, name, strict_tree(getattr(line, name)))
    return line
