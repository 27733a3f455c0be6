"""The parts of protobuf's wire format: tags, varints and fields with a length."""

import struct
from collections.abc import Callable
from functools import cache

from google.protobuf.message import DecodeError

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5
"""Wire types."""

MORE = 0x80
"""The bit of a varint's byte that says that another byte follows."""

VARINT_BYTES = 10
"""The longest varint."""

# A tag of one byte and a length of up to three.
_USUAL_HEAD, _USUAL_SIZE = 4, 1 << 21

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


def values_of(wire: bytes, wanted: int) -> list[bytes]:
    """Return the values of the fields of a message that have this tag, in order.

    Raises:
        DecodeError: the outermost fields are broken.
    """
    values: list[bytes] = []
    position, end = 0, len(wire)
    while position < end:
        tag, start, position = read_field(wire, position, end)
        if tag == wanted:
            values.append(wire[start:position])
    return values


def read_field(wire: bytes, position: int, end: int) -> tuple[int, int, int]:
    """Return the tag of the field at a position, the start of its value and the position behind it.

    Raises:
        DecodeError: there is no such field.
    """
    if position + _USUAL_HEAD <= end:  # Nearly all fields have a number below 16 and less than 2 MB.
        tag, size, start = wire[position], wire[position + 1], position + 2
        if size >= MORE:
            second, start = wire[position + 2], position + 3
            size = size & 0x7F | second << 7
            if second >= MORE:
                size = size & 0x3FFF | wire[position + 3] << 14
                start = position + 4
        if tag & 0x87 == LENGTH_DELIMITED and size < _USUAL_SIZE and start + size <= end:
            return tag, start, start + size
    tag, start = read_varint(wire, position, end)
    kind = tag & 7
    if kind == LENGTH_DELIMITED:
        size, start = read_varint(wire, start, end)
    elif kind == VARINT:
        size = read_varint(wire, start, end)[1] - start
    elif kind in {FIXED64, FIXED32}:
        size = 8 if kind == FIXED64 else 4
    else:
        message = f"wire type {kind} at byte {position}"
        raise DecodeError(message)
    if start + size > end:
        message = f"the field at byte {start} is longer than the message around it"
        raise DecodeError(message)
    return tag, start, start + size


def length_delimited(number: int, payload: bytes) -> bytes:
    """Return a field of bytes, a string or a message."""
    return tag(number, LENGTH_DELIMITED) + varint(len(payload)) + payload


double: Callable[[float], bytes] = struct.Struct("<d").pack
"""Return a number in the eight bytes of a fixed64."""
