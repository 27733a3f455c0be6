"""Arrow arrays made of their buffers.

`pyarrow.array` would import pandas where that is installed, which takes half a second and 45 MB, and it takes texts in
UTF-8 one by one.
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, TypeVar, cast

from vision_grpc.arrow.schema import list_of
from vision_grpc.arrow.untyped import pa

T = TypeVar("T")


def texts_array(texts: Sequence[bytes | None], kind: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return an array of valid UTF-8, or of any bytes, with the type `string` or `binary`."""
    known = _filled(texts, b"")
    ends = array("i", accumulate(map(len, known), initial=0))
    data = b"".join(known)
    return pa.Array.from_buffers(kind, len(texts), [_validity(texts), pa.py_buffer(ends), pa.py_buffer(data)])


def numbers_array(numbers: "array[int]") -> Any:  # noqa: ANN401
    """Return an array of integers of 32 bits."""
    return pa.Array.from_buffers(pa.int32(), len(numbers), [None, pa.py_buffer(numbers)])


def integers_array(numbers: Sequence[int | None]) -> Any:  # noqa: ANN401
    """Return the same, null in place of None."""
    known = array("i", _filled(numbers, 0))
    return pa.Array.from_buffers(pa.int32(), len(numbers), [_validity(numbers), pa.py_buffer(known)])


def floats_array(floats: Sequence[float | None]) -> Any:  # noqa: ANN401
    """Return an array of doubles."""
    known = array("d", _filled(floats, 0.0))
    return pa.Array.from_buffers(pa.float64(), len(floats), [_validity(floats), pa.py_buffer(known)])


def bools_array(bools: Sequence[bool | None]) -> Any:  # noqa: ANN401
    """Return an array of truth values."""
    return pa.Array.from_buffers(pa.bool_(), len(bools), [_validity(bools), _bits(map(bool, bools))])


def lists_array(counts: Iterable[int], values: Any, *, each: int = 1, is_null: Sequence[bool] | None = None) -> Any:  # noqa: ANN401
    """Return an array of lists of so many of the values, or so many times `each`."""
    ends = array("i", [each * end for end in accumulate(counts, initial=0)])
    validity = None if is_null is None else _bits(not null for null in is_null)
    return pa.Array.from_buffers(list_of(values.type), len(ends) - 1, [validity, pa.py_buffer(ends)], children=[values])


def structs_array(kind: Any, arrays: Sequence[Any]) -> Any:  # noqa: ANN401
    """Return an array of structs, of the arrays of their fields."""
    return pa.StructArray.from_arrays(arrays, fields=[*kind])


def _filled(values: Sequence[T | None], nothing: T) -> Sequence[T]:
    """Return values with another one in place of None; the same ones where everything is there."""
    if None in values:
        return [nothing if value is None else value for value in values]
    return cast("Sequence[T]", values)


def _validity(values: Sequence[object]) -> Any:  # noqa: ANN401
    """Return the bitmap of what is not None, None where everything is there."""
    return _bits(value is not None for value in values) if None in values else None


def _bits(flags: Iterable[bool]) -> Any:  # noqa: ANN401
    flat = bytes(flags)
    return pa.Array.from_buffers(pa.uint8(), len(flat), [None, pa.py_buffer(flat)]).cast(pa.bool_()).buffers()[1]
