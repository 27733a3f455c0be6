"""The columns of a table of results."""

from typing import Any, Literal, TypeAlias, get_args

from vision_grpc.arrow.untyped import pa

Detail: TypeAlias = Literal["text", "words", "wire"]
"""What a row has of an answer: the text alone; with it pages, blocks, lines and words; or with it the wire bytes."""

SCHEMA_VERSION = 1
"""The version of the columns. It grows when a column gets another name, type or meaning, not when one is added."""

# Everything is of a plain type that Parquet, Spark and DuckDB have, too: Spark has no lists of a fixed size. The items
# of a list have the name that Parquet's specification gives them, so that a schema comes back from a file as it was.


def list_of(item: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return the type of a list."""
    return pa.list_(pa.field("element", item))


AREA_FIELDS = (
    ("text", pa.string()),
    ("confidence", pa.float64()),
    ("languages", list_of(pa.string())),
    ("box", list_of(pa.int32())),
    ("polygon", list_of(pa.int32())),
)
"""What blocks, lines and words have alike."""

WORD = pa.struct(AREA_FIELDS)
LINE = pa.struct([*AREA_FIELDS, ("words", list_of(WORD))])
BLOCK = pa.struct([*AREA_FIELDS, ("lines", list_of(LINE))])
PAGE = pa.struct([("width", pa.int32()), ("height", pa.int32()), ("blocks", list_of(BLOCK))])

CELL = pa.struct(
    [
        ("row", pa.int32()),
        ("column", pa.int32()),
        ("row_span", pa.int32()),
        ("column_span", pa.int32()),
        ("text", pa.string()),
        ("box", list_of(pa.int32())),
    ]
)
TABLE = pa.struct(
    [
        ("page", pa.int32()),
        ("row_count", pa.int32()),
        ("column_count", pa.int32()),
        ("box", list_of(pa.int32())),
        ("cells", list_of(CELL)),
    ]
)

_RESULT_FIELDS = (
    ("key", pa.string()),
    ("key_bytes", pa.binary()),
    ("ok", pa.bool_()),
    ("error_code", pa.string()),
    ("error_message", pa.string()),
    ("retryable", pa.bool_()),
    ("text", pa.string()),
    ("attempts", pa.int32()),
    ("transport", pa.string()),
    ("request_id", pa.string()),
)
DOCUMENT_FIELDS = (
    ("markdown", pa.string()),
    ("full_text", pa.string()),
    ("rotation", pa.int32()),
    ("tables", list_of(TABLE)),
)
"""What answers of ocr/v1 alone have."""

_ANSWER_FIELDS = {
    "text": (),
    "words": (("pages", list_of(PAGE)), *DOCUMENT_FIELDS),
    "wire": (("wire", pa.binary()),),
}


def schema(*, detail: Detail = "text") -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return the pyarrow Schema of the tables of a detail; its metadata has its version and detail.

    Raises:
        ValueError: there is no such detail.
    """
    if detail not in _ANSWER_FIELDS:
        message = f"detail: one of {', '.join(map(repr, get_args(Detail)))} is needed, not {detail!r}"
        raise ValueError(message)
    metadata = {"vision_grpc.schema_version": str(SCHEMA_VERSION), "vision_grpc.detail": detail}
    return pa.schema([*_RESULT_FIELDS, *_ANSWER_FIELDS[detail]], metadata)
