"""Arrow arrays made of their buffers.

`pyarrow.array` would import pandas where that is installed, which takes half a second and 45 MB, and it takes texts in
UTF-8 one by one.
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from struct import Struct
from typing import Any, TypeVar, cast

from vision_grpc.arrow.schema import list_of
from vision_grpc.arrow.untyped import pa

T = TypeVar("T")

_MOST_END = 2**31 - 1


def texts_array(texts: Sequence[bytes], kind: Any, validity: Any = None) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return an array of valid UTF-8, or of any bytes, with the type `string` or `binary`."""
    buffers = [validity, _ends(map(len, texts)), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(kind, len(texts), buffers)


def nullable_texts_array(texts: Sequence[bytes | None], kind: Any) -> Any:  # noqa: ANN401
    """Return the same, null in place of None."""
    validity, known = _split(texts, b"")
    return texts_array(known, kind, validity)


def numbers_array(numbers: "array[int]") -> Any:  # noqa: ANN401
    """Return an array of integers of 32 bits."""
    return pa.Array.from_buffers(pa.int32(), len(numbers), [None, pa.py_buffer(numbers)])


def integers_array(numbers: Sequence[int | None]) -> Any:  # noqa: ANN401
    """Return the same, null in place of None."""
    validity, known = _split(numbers, 0)
    return pa.Array.from_buffers(pa.int32(), len(numbers), [validity, pa.py_buffer(array("i", known))])


def floats_array(floats: Sequence[float | None]) -> Any:  # noqa: ANN401
    """Return an array of doubles."""
    validity, known = _split(floats, 0.0)
    return pa.Array.from_buffers(pa.float64(), len(floats), [validity, _packed("d", known)])


def bools_array(bools: Sequence[bool | None]) -> Any:  # noqa: ANN401
    """Return an array of truth values."""
    validity, known = _split(bools, False)  # noqa: FBT003 - in place of null
    return pa.Array.from_buffers(pa.bool_(), len(bools), [validity, _bits(known)])


def lists_array(counts: Sequence[int], values: Any, *, is_null: Sequence[bool] | None = None) -> Any:  # noqa: ANN401
    """Return an array of lists, each of so many of the values."""
    validity = None if is_null is None else _bits(not null for null in is_null)
    kind = list_of(values.type)
    return pa.Array.from_buffers(kind, len(counts), [validity, _ends(counts)], children=[values])


def structs_array(kind: Any, arrays: Sequence[Any]) -> Any:  # noqa: ANN401
    """Return an array of structs, of the arrays of their fields."""
    return pa.StructArray.from_arrays(arrays, fields=[*kind])


def _split(values: Sequence[T | None], nothing: T) -> tuple[Any, Sequence[T]]:
    """Return the bitmap of what is not None, and values with another one in place of None.

    Where everything is there, return None and the same values.
    """
    if None not in values:
        return None, cast("Sequence[T]", values)
    known = [nothing if value is None else value for value in values]
    return _bits(value is not None for value in values), known


def _ends(lengths: Iterable[int]) -> Any:  # noqa: ANN401
    ends = [*accumulate(lengths, initial=0)]
    if ends[-1] > _MOST_END:
        message = f"an offset of {ends[-1]:,} has more than 32 bits"
        raise OverflowError(message)
    return _packed("i", ends)


def _packed(code: str, numbers: Sequence[float]) -> Any:  # noqa: ANN401
    # Three times as fast as an array of them.
    return pa.py_buffer(Struct(f"{len(numbers)}{code}").pack(*numbers))


def _bits(flags: Iterable[bool]) -> Any:  # noqa: ANN401
    flat = bytes(flags)
    return pa.Array.from_buffers(pa.uint8(), len(flat), [None, pa.py_buffer(flat)]).cast(pa.bool_()).buffers()[1]
