"""Tables from JSON values to wire bytes, filled when a value first occurs.

A page's coordinates are a few thousand different strings that occur again and again: looking one up is far cheaper
than reading it. The entries of a table have one width, as `struct.pack` requires; numbers are padded to it. Constant
bytes around the value, such as the next field's tag, are part of the entry.
"""

from functools import cache
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from vision_grpc.codec.json.scalars import reader_of
from vision_grpc.codec.wire_format import VARINT_BYTES, padded_varint

NARROW, WIDE = 3, VARINT_BYTES
"""Bytes of a padded varint: 3 for numbers below 2,097,152, 10 for any."""

# No page needs a larger table. Further values are translated each time.
_MOST_ENTRIES = 8_192
_MOST_CHARACTERS = 32
VARINTS = frozenset(
    {
        FieldDescriptor.TYPE_INT32,
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_ENUM,
        FieldDescriptor.TYPE_BOOL,
    }
)
"""Types whose values are varints on the wire."""


def width_of(value: object, field_type: int, enum: EnumDescriptor | None) -> int:
    """Return the width of the table that a value belongs to."""
    number = reader_of(field_type, enum)(value)
    return NARROW if 0 <= number < 1 << 7 * NARROW else WIDE


class OddValueError(ValueError):
    """A value that does not fit a table: its message is written without tables."""


class VarintTable(dict[Any, bytes]):
    """Varints of one width."""

    def __init__(
        self, field_type: int, enum: EnumDescriptor | None, width: int, prefix: bytes = b"", suffix: bytes = b""
    ) -> None:
        super().__init__()
        self._to_number = reader_of(field_type, enum)
        self._width, self._prefix, self._suffix = width, prefix, suffix

    def __missing__(self, value: object) -> bytes:
        encoded = padded_varint(self._to_number(value), self._width)
        if len(encoded) != self._width:
            raise OddValueError
        entry = self._prefix + encoded + self._suffix
        if len(self) < _MOST_ENTRIES and (not isinstance(value, str) or len(value) < _MOST_CHARACTERS):
            self[value] = entry
        return entry


class StringTable(dict[Any, bytes]):
    """Strings of one length in bytes, such as language codes."""

    def __init__(self, length: int, prefix: bytes = b"", suffix: bytes = b"") -> None:
        super().__init__()
        self._length, self._prefix, self._suffix = length, prefix, suffix

    def __missing__(self, value: str | None) -> bytes:
        # Colons must be counted elsewhere; see `fast`.
        if value is None or ":" in value or len(encoded := value.encode()) != self._length:
            raise OddValueError
        entry = self._prefix + encoded + self._suffix
        if len(self) < _MOST_ENTRIES and self._length < _MOST_CHARACTERS:
            self[value] = entry
        return entry


@cache
def varint_table(field_type: int, enum: EnumDescriptor | None, width: int, prefix: bytes, suffix: bytes) -> VarintTable:
    """Return the one table with these entries."""
    return VarintTable(field_type, enum, width, prefix, suffix)


@cache
def string_table(length: int, prefix: bytes, suffix: bytes) -> StringTable:
    """Return the one table with these entries."""
    return StringTable(length, prefix, suffix)
