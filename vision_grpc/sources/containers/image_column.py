"""Which columns of an Arrow table hold the images and their keys."""

from collections.abc import Callable
from typing import Any, NamedTuple

from vision_grpc.errors import Advice
from vision_grpc.sources.containers.arrow import load_arrow
from vision_grpc.sources.options import SourceOptions
from vision_grpc.texts.quoting import shorten, show

ROW_NUMBER = "row-number"
"""In place of a key column: rows are called by their numbers."""

_BYTES, _PATH = "bytes", "path"
_USUAL_NAME = "image"


class ColumnError(Exception):
    """A table whose columns do not say what is an image or a key."""

    advice: tuple[Advice, ...] = ()


class Columns(NamedTuple):
    """The columns that are read."""

    image: str
    is_struct: bool
    """Whether the bytes are a field of the column, as in Hugging Face's datasets."""

    has_path: bool
    """Whether a path is there beside the bytes."""

    key: str | None
    """The column of the keys; None where they are the paths, or the numbers of the rows."""

    keys_are_paths: bool

    @property
    def read(self) -> list[str]:
        """The columns as Parquet names them: of a struct only the fields that are needed."""
        fields = [f"{self.image}.{_BYTES}"] if self.is_struct else [self.image]
        if self.has_path:
            fields.append(f"{self.image}.{_PATH}")
        return fields if self.key is None or self.key == self.image else [*fields, self.key]


def find_columns(schema: Any, options: SourceOptions) -> Columns:  # noqa: ANN401 - pyarrow has no types
    """Return the columns of a pyarrow Schema that hold images and keys.

    The image column is the one that the options name, else the only one that may hold images, else one of several
    that is called `image`.

    Raises:
        ColumnError: there is no such column, or it is not clear which; the message lists the columns.
    """
    types = dict(zip(schema.names, schema.types, strict=True))
    image = _find_image(types, options.image_column)
    is_struct = _is_struct(types[image])
    _require_one(image, schema.names, "columns")
    if is_struct:
        _require_one(_BYTES, fields := [field.name for field in types[image]], f"fields in the column {show(image)}")
        _require_one(_PATH, fields, f"fields in the column {show(image)}")
    key = None if options.key_column == ROW_NUMBER else options.key_column
    if key is not None:
        _require_column(types, key, _may_hold_keys, what="keys", are="text or whole numbers")
        _require_one(key, schema.names, "columns")
    has_path = is_struct and any(field.name == _PATH and _is_text(field.type) for field in types[image])
    return Columns(image, is_struct, has_path, key, keys_are_paths=has_path and options.key_column is None)


def _require_column(types: dict[str, Any], name: str, may_hold: Callable[[Any], bool], *, what: str, are: str) -> None:
    if name not in types:
        message = f"has no column {show(name)} for {what}. Its columns: {_listed(types)}"
        raise ColumnError(message)
    if not may_hold(types[name]):
        message = f"has no {what} in the column {show(name)}: it holds {types[name]}, and {what} are {are}"
        raise ColumnError(message)


def _require_one(name: str, names: list[str], what: str) -> None:
    if (count := names.count(name)) > 1:
        message = f"has {count} {what} that are called {show(name)}: rename all but one"
        raise ColumnError(message)


def _find_image(types: dict[str, Any], named: str | None) -> str:
    if named is not None:
        _require_column(types, named, _may_hold_images, what="images", are="binary")
        return named
    candidates = [name for name, kind in types.items() if _may_hold_images(kind)]
    if len(candidates) > 1:
        candidates = [name for name in candidates if name.lower() == _USUAL_NAME] or candidates
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        several = ", ".join(map(show, candidates))
        error = ColumnError(f"has several columns that may hold images: {several}")
        error.advice = (Advice("name one of them with", "image_column"),)
        raise error
    message = f"has no column of images, which are binary or structs with bytes. Its columns: {_listed(types)}"
    raise ColumnError(message)


def _may_hold_images(kind: Any) -> bool:  # noqa: ANN401
    return _is_binary(kind) or _is_struct(kind)


def _is_struct(kind: Any) -> bool:  # noqa: ANN401
    types = load_arrow().types
    return bool(types.is_struct(kind)) and any(field.name == _BYTES and _is_binary(field.type) for field in kind)


def _is_binary(kind: Any) -> bool:  # noqa: ANN401
    types = load_arrow().types
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _is_text(kind: Any) -> bool:  # noqa: ANN401
    types = load_arrow().types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _may_hold_keys(kind: Any) -> bool:  # noqa: ANN401
    types = load_arrow().types
    values = kind.value_type if types.is_dictionary(kind) else kind
    return bool(_is_text(values) or _is_binary(values) or types.is_integer(values))


def _listed(types: dict[str, Any]) -> str:
    return shorten(", ".join(f"{name} ({kind})" for name, kind in types.items())) or "none"
