"""The parts of protobuf's wire format: tags, varints and fields with a length."""

import struct
from functools import cache

from google.protobuf.message import DecodeError

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5
"""Wire types."""

MORE = 0x80
"""The bit of a varint's byte that says that another byte follows."""

VARINT_BYTES = 10
"""The longest varint."""

_SEVEN_BITS = 0x7F
_BITS_OF_64 = 2**64 - 1


@cache
def tag(number: int, wire_type: int) -> bytes:
    """Return what stands before a field's value."""
    return varint(number << 3 | wire_type)


def varint(number: int) -> bytes:
    """Return a number of at most 64 bits, negative ones in two's complement."""
    # Most lengths of images have three bytes.
    if 1 << 14 <= number < 1 << 21:
        return bytes((number & 0x7F | 0x80, number >> 7 & 0x7F | 0x80, number >> 14))
    if 0 <= number < 1 << 7:
        return bytes((number,))
    return padded_varint(number, 1)


def padded_varint(number: int, width: int) -> bytes:
    """Return a number as `varint` does, in at least `width` bytes.

    Padding costs the reader nothing and gives every number the same width. That is legal up to 10 bytes
    (https://protobuf.dev/programming-guides/encoding/#varints).
    """
    number &= _BITS_OF_64
    encoded = bytearray()
    while number > _SEVEN_BITS or len(encoded) < width - 1:
        encoded.append(number & _SEVEN_BITS | MORE)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def read_varint(wire: bytes, position: int, end: int) -> tuple[int, int]:
    """Return the varint at a position, and the position behind it.

    Raises:
        DecodeError: the varint does not end before `end`, or is too long.
    """
    number = shift = 0
    for index in range(position, min(end, position + VARINT_BYTES)):
        byte = wire[index]
        number |= (byte & _SEVEN_BITS) << shift
        if byte < MORE:
            return number, index + 1
        shift += 7
    message = f"a broken varint at byte {position}"
    raise DecodeError(message)


def length_delimited(number: int, payload: bytes) -> bytes:
    """Return a field of bytes, a string or a message."""
    return tag(number, LENGTH_DELIMITED) + varint(len(payload)) + payload


double = struct.Struct("<d").pack
"""Return a number in the eight bytes of a fixed64."""
