"""Arrow arrays made of their buffers.

`pyarrow.array` would import pandas where that is installed, which takes half a second and 45 MB, and it takes texts in
UTF-8 one by one.
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from struct import Struct
from struct import error as StructError  # noqa: N812 - the module calls it `error`
from typing import Any, TypeVar, cast

from vision_grpc.arrow.schema import list_of
from vision_grpc.arrow.untyped import pa, pc

T = TypeVar("T")
_WIDTH = array("i").itemsize
_MOST_END = 2**31 - 1


def texts_array(texts: Sequence[bytes], kind: Any, validity: Any = None) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return an array of valid UTF-8, or of any bytes, with the type `string` or `binary`."""
    buffers = [validity, _ends(map(len, texts)), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(kind, len(texts), buffers)


def nullable_texts_array(texts: Sequence[bytes | None], kind: Any) -> Any:  # noqa: ANN401
    """Return the same, null in place of None."""
    validity, known = _split(texts, b"")
    return texts_array(known, kind, validity)


class Texts:
    """Collects valid UTF-8 for an array."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._lengths = array("i")
        self._bytes = 0

    def add(self, texts: Sequence[bytes]) -> None:
        """Append texts."""
        self._pieces.append(b"".join(texts))
        # Three times as fast as to extend an array.
        self._lengths.frombytes(Struct(f"{len(texts)}i").pack(*map(len, texts)))
        self._bytes += len(self._pieces[-1])

    @property
    def bytes(self) -> int:
        """How many bytes they have in memory."""
        return self._bytes + len(self._lengths) * self._lengths.itemsize

    def array(self) -> Any:  # noqa: ANN401
        """Return the array.

        Raises:
            OverflowError: it has more than 2 GB.
        """
        buffers = [None, _ends(self._lengths), pa.py_buffer(b"".join(self._pieces))]
        return pa.Array.from_buffers(pa.string(), len(self._lengths), buffers)


class Floats:
    """Collects doubles for an array, null in place of None."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._known: list[bytes] = []

    def add(self, floats: Sequence[float | None]) -> None:
        """Append them."""
        pack = Struct(f"{len(floats)}d").pack
        try:
            self._pieces.append(pack(*floats))
            self._known.append(b"\1" * len(floats))
        except StructError:
            self._pieces.append(pack(*[each or 0.0 for each in floats]))
            self._known.append(bytes(each is not None for each in floats))

    def array(self) -> Any:  # noqa: ANN401
        """Return the array."""
        known = b"".join(self._known)
        buffers = [_bits(known) if 0 in known else None, pa.py_buffer(b"".join(self._pieces))]
        return pa.Array.from_buffers(pa.float64(), len(known), buffers)


def numbers_array(pieces: "Sequence[array[int]]") -> Any:  # noqa: ANN401
    """Return an array of integers of 32 bits, of some arrays of them."""
    joined = b"".join(pieces)
    return pa.Array.from_buffers(pa.int32(), len(joined) // _WIDTH, [None, pa.py_buffer(joined)])


def integers_array(numbers: Sequence[int | None]) -> Any:  # noqa: ANN401
    """Return the same, null in place of None."""
    validity, known = _split(numbers, 0)
    return pa.Array.from_buffers(pa.int32(), len(numbers), [validity, pa.py_buffer(array("i", known))])


def bools_array(bools: Sequence[bool | None]) -> Any:  # noqa: ANN401
    """Return an array of truth values."""
    validity, known = _split(bools, False)  # noqa: FBT003 - in place of null
    return pa.Array.from_buffers(pa.bool_(), len(bools), [validity, _bits(known)])


def lists_array(counts: "Sequence[int] | array[int]", values: Any, *, is_null: Sequence[bool] | None = None) -> Any:  # noqa: ANN401
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


def _ends(lengths: "Iterable[int] | array[int]") -> Any:  # noqa: ANN401
    if isinstance(lengths, array):
        from_0 = numbers_array([array("i", [0]), lengths])
        _check_end(pc.sum(from_0).as_py())
        return pc.cumulative_sum(from_0).buffers()[1]
    ends = [*accumulate(lengths, initial=0)]
    _check_end(ends[-1])
    # Three times as fast as an array of them.
    return pa.py_buffer(Struct(f"{len(ends)}i").pack(*ends))


def _check_end(end: int) -> None:
    if end > _MOST_END:
        message = f"an offset of {end:,} has more than 32 bits"
        raise OverflowError(message)


def _bits(flags: Iterable[int]) -> Any:  # noqa: ANN401
    flat = bytes(flags)
    return pa.Array.from_buffers(pa.uint8(), len(flat), [None, pa.py_buffer(flat)]).cast(pa.bool_()).buffers()[1]
