"""Which columns of a record batch hold images and keys, and which columns come out."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from vision_grpc.arrow.schema import Detail, schema
from vision_grpc.arrow.untyped import pa
from vision_grpc.texts.quoting import shorten, show

Form: TypeAlias = Literal["bytes", "places", "struct", "nothing"]
"""What a column of images holds: files, paths and URLs, structs as Hugging Face's, or nulls alone."""

_IMAGES = "binary, text (paths and URLs), or structs with a field bytes (binary) or path (text)"
_KEYS = "text, binary or whole numbers"
# What the rows have as their own key, of their own type.
_REPLACED = ("key", "key_bytes")


class Columns(NamedTuple):
    """The columns of one schema that are read, and the schema of what comes out."""

    form: Form
    kept: Sequence[str]
    """The key, and what is carried over."""

    output: Any
    """The pyarrow Schema of results: the kept columns as they came, then those of the detail."""


def find_columns(given: Any, *, image: str, key: str, keep: Sequence[str], detail: Detail) -> Columns:  # noqa: ANN401 - pyarrow has no types
    """Return the columns of a pyarrow Schema.

    Raises:
        TypeError: a column is of a type that holds no images, or no keys.
        ValueError: there is no such column, or more than one, or its name is that of a column of results.
    """
    form = _form_of(_type_of(given, "image", image))
    if form is None:
        raise _wrong_type(given, "image", image, _IMAGES)
    if not _may_hold_keys(_type_of(given, "key", key)):
        raise _wrong_type(given, "key", key, _KEYS)
    results = [field for field in schema(detail=detail) if field.name not in _REPLACED]
    taken = {field.name for field in results}
    kept = [key, *keep]
    for name in keep:
        _type_of(given, "keep", name)
    for name in kept:
        if name in taken:
            message = f"the column {show(name)} has the name of a column of results: rename it"
            raise ValueError(message)
        if kept.count(name) > 1:
            message = f"the column {show(name)} is named more than once in key and keep"
            raise ValueError(message)
    metadata = schema(detail=detail).metadata
    return Columns(form, kept, pa.schema([*(given.field(name) for name in kept), *results], metadata))


def _type_of(given: Any, argument: str, name: str) -> Any:  # noqa: ANN401
    match given.names.count(name):
        case 1:
            return given.field(name).type
        case 0:
            columns = shorten(", ".join(map(str, given.names))) or "none"
            message = f"{argument}={show(name)}: there is no such column, name one of those there are: {columns}"
        case count:
            message = f"{argument}={show(name)}: {count} columns have this name, rename all but one"
    raise ValueError(message)


def _wrong_type(given: Any, argument: str, name: str, accepted: str) -> TypeError:  # noqa: ANN401
    kind = shorten(str(given.field(name).type))
    return TypeError(f"{argument}={show(name)}: the column is of type {kind}, accepted are {accepted}")


def _form_of(kind: Any) -> Form | None:  # noqa: ANN401
    kind = _values_of(kind)
    if pa.types.is_null(kind):
        return "nothing"
    if _is_binary(kind):
        return "bytes"
    if _is_text(kind):
        return "places"
    if pa.types.is_struct(kind):
        holds = [_field(kind, "bytes", _is_binary), _field(kind, "path", _is_text)]
        return "struct" if None not in holds and any(holds) else None
    return None


def _field(struct: Any, name: str, may_hold: Callable[[Any], bool]) -> bool | None:  # noqa: ANN401
    """Return whether a struct has this field, None where there are several or its type is another one."""
    types = [field.type for field in struct if field.name == name]
    if len(types) > 1 or not all(may_hold(kind) or pa.types.is_null(kind) for kind in types):
        return None
    return bool(types)


def _may_hold_keys(kind: Any) -> bool:  # noqa: ANN401
    values = _values_of(kind)
    return bool(_is_text(values) or _is_binary(values) or pa.types.is_integer(values) or pa.types.is_null(values))


def _values_of(kind: Any) -> Any:  # noqa: ANN401
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_binary(kind: Any) -> bool:  # noqa: ANN401
    types = pa.types
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _is_text(kind: Any) -> bool:  # noqa: ANN401
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))
