"""Results as an Arrow record batch."""

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from vision_grpc.arrow.areas import FlatPage
from vision_grpc.arrow.buffers import bools_array, nullable_texts_array, numbers_array
from vision_grpc.arrow.columns import PageColumn
from vision_grpc.arrow.corners import clip
from vision_grpc.arrow.cut import cut_text
from vision_grpc.arrow.schema import DOCUMENT_FIELDS, Detail, schema
from vision_grpc.arrow.tables import DocumentColumns
from vision_grpc.arrow.untyped import pa
from vision_grpc.errors import ProtocolError
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.results.documents import Recognized
from vision_grpc.results.each import Results, each
from vision_grpc.texts.strict import bytes_of_key, to_strict


def to_batch(results: Results, *, detail: Detail = "text") -> Any:  # noqa: ANN401
    """Return a pyarrow RecordBatch with a row for each result, in their order; `schema` says its columns.

    An image that failed has its error, and null in place of what it has no answer for. An answer that is damaged is
    the error of its row. All columns are in memory, and none may have more than 2 GB of text or bytes in one batch.

    Raises:
        ValueError: there is no such detail, or a column has more than 2 GB.
        TypeError: `results` is something else.
    """
    builder = BatchBuilder(detail)
    for result in each(results):
        builder.add(result)
    return builder.finish()


class BatchBuilder:
    """Collects the rows of a batch."""

    def __init__(self, detail: Detail) -> None:
        self._schema = schema(detail=detail)
        self._detail: Detail = detail
        self._rows: list[_Row] = []
        self._row_bytes = 0
        self._pages = PageColumn()
        self._documents = DocumentColumns()

    def add(self, result: ImageResult) -> None:
        """Append the row of a result."""
        row, read = _row(result, self._detail)
        self._rows.append(row)
        self._row_bytes += len(row.key) + len(row.error_message or b"") + len(row.text or b"") + len(row.wire or b"")
        if self._detail == "words":
            self._pages.add(read.pages)
            self._documents.add(read.found)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    @property
    def bytes(self) -> int:
        """About how many bytes the batch has in memory."""
        return self._row_bytes + self._pages.bytes + self._documents.bytes

    def finish(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the RecordBatch.

        Raises:
            ValueError: a column has more than 2 GB.
        """
        try:
            columns: Sequence[Sequence[Any]] = [*zip(*self._rows, strict=True)] or [()] * len(_Row._fields)
            values = dict(zip(_Row._fields, columns, strict=True))
            arrays = [self._column(field, values) for field in self._schema]
        except OverflowError as error:  # Of an offset.
            message = f"results: {self.rows:,} are too many for one batch: a column has more than 2 GB"
            raise ValueError(message) from error
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def _column(self, field: Any, values: Mapping[str, Sequence[Any]]) -> Any:  # noqa: ANN401
        if field.name == "pages":
            return self._pages.array()
        if field.name in _OF_DOCUMENTS:
            return self._documents.array(field.name)
        return _array(values[field.name], field.type)


_OF_DOCUMENTS = {name for name, _ in DOCUMENT_FIELDS}


def _array(values: Sequence[Any], kind: Any) -> Any:  # noqa: ANN401
    if kind == pa.bool_():
        return bools_array(values)
    if kind == pa.int32():
        return numbers_array([array("i", values)])
    return nullable_texts_array(values, kind)


class _Row(NamedTuple):
    """What the columns of the same names have of one result; texts in UTF-8."""

    key: bytes
    key_bytes: bytes | None
    ok: bool
    error_code: bytes | None
    error_message: bytes | None
    retryable: bool | None
    text: bytes | None
    attempts: int
    transport: bytes | None
    request_id: bytes | None
    wire: bytes | None


class _Read(NamedTuple):
    """What was read of an answer."""

    text: str
    wire: bytes | None = None
    pages: Sequence[FlatPage] | None = None
    found: Recognized | None = None


def _row(result: ImageResult, detail: Detail) -> tuple[_Row, _Read]:
    error, key = result.error, result.key
    try:
        read = _read(result, detail)
    except ProtocolError as damage:
        error = error or ImageError(damage.code, str(damage), cause=damage)
        read = _Read(result.known_text or "")
    shown = _utf8(key)
    # In the order of the fields: by their names it takes twice as long.
    row = _Row(
        shown,
        None if key.isascii() or (exact := bytes_of_key(key)) == shown else exact,
        error is None,
        None if error is None else _utf8(error.code.name),
        None if error is None else _utf8(error.message),
        None if error is None else error.retryable,
        _utf8(read.text) if read.text or error is None else None,
        clip(result.attempts),
        None if result.transport is None else _utf8(result.transport),
        None if result.request_id is None else _utf8(result.request_id),
        read.wire,
    )
    return row, read


def _read(result: ImageResult, detail: Detail) -> _Read:
    outcome = result.outcome
    if outcome is None or detail == "text":
        return _Read(result.text)
    if detail == "wire":
        # The text shows whether the bytes are valid.
        return _Read(_text(result, outcome.text()), wire=outcome.wire())
    flat, found = cut_text(outcome), Recognized.of(outcome)
    return _Read(
        _text(result, "" if flat is None else flat.text),
        pages=None if flat is None else flat.pages,
        found=found if found.has_pages else None,
    )


def _text(result: ImageResult, text: str) -> str:
    return text if result.known_text is None else result.known_text


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return to_strict(text).encode()
