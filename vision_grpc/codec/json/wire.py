"""Protobuf's wire format, as far as messages are written here."""

import struct
from functools import cache

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5
"""Wire types."""

_BITS_OF_64 = 2**64 - 1
_MORE, _SEVEN_BITS = 0x80, 0x7F
VARINT_BYTES = 10
"""The longest varint."""


@cache
def tag(number: int, wire_type: int) -> bytes:
    """Return what stands before a field's value."""
    return varint(number << 3 | wire_type)


def varint(number: int, *, width: int = 1) -> bytes:
    """Return a number of at most 64 bits, negative ones in two's complement, in at least `width` bytes.

    Padding costs the reader nothing and gives every number the same width. That is legal up to 10 bytes
    (https://protobuf.dev/programming-guides/encoding/#varints).
    """
    number &= _BITS_OF_64
    encoded = bytearray()
    while number > _SEVEN_BITS or len(encoded) < width - 1:
        encoded.append(number & _SEVEN_BITS | _MORE)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def length_delimited(number: int, payload: bytes) -> bytes:
    """Return a field of bytes, a string or a message."""
    return tag(number, LENGTH_DELIMITED) + varint(len(payload)) + payload


double = struct.Struct("<d").pack
"""Return a number in the eight bytes of a fixed64."""
