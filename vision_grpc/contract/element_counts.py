"""How many elements the lists of a request have, looked at before it is parsed.

An element of no bytes takes two on the wire and 74 in memory: 80 MB of them, as long as a valid request may be, took
3 GB before anything could count them.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple, cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from google.protobuf.message import Message

from vision_grpc.contract.rules import Range, size_of
from vision_grpc.errors import InvalidRequestError, Violation

# Lists that are only a little too long are counted once they are parsed.
_MANY_ELEMENTS = 1000
# More than any client writes, and quickly looked through.
_MANY_FIELDS = 20_000
# Messages inside that take no more bytes than this together are not looked into.
_FEW_BYTES = 64 * 1024
_VARINT, _FIXED64, _LENGTH, _START_GROUP, _END_GROUP, _FIXED32 = range(6)
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4, _START_GROUP: 0, _END_GROUP: 0}


def check_element_counts(wire: bytes | bytearray | memoryview, message_class: type[Message]) -> None:
    """Pass bytes whose lists are not much longer than the options of the proto allow. Malformed bytes pass, too.

    Raises:
        InvalidRequestError: a list is too long, or there are too many fields.
    """
    descriptor = cast("Descriptor", message_class.DESCRIPTOR)
    _Look(wire).into(descriptor, 0, len(wire), {}, "")


class _Field(NamedTuple):
    name: str
    repeated: bool
    allowed: Range | None
    """How many elements a list may have, None if any number."""
    inside: Descriptor | None
    """The message that the field holds, if there are such lists in it."""


class _Look:
    def __init__(self, wire: Sequence[int]) -> None:
        self._wire = wire
        self._fields = 0
        self._skipped_bytes = 0

    def into(self, descriptor: Descriptor, start: int, end: int, counts: dict[str, int], prefix: str) -> None:
        """Count the elements of the lists in the message between two positions, and of those inside it."""
        known, wire, position = _fields_of(descriptor), self._wire, start
        # What stands in a group is not of this message; no message of the contract has groups.
        groups = 0
        while position < end:
            self._fields += 1
            if self._fields > _MANY_FIELDS:
                raise InvalidRequestError(
                    [Violation(prefix.rstrip(".") or "request", f"has more than {_MANY_FIELDS:,} fields")]
                )
            if (tag := wire[position]) < 0x80:  # noqa: PLR2004 - one byte, as nearly always
                position += 1
            else:
                tag, position = self._varint(position, end)
            wire_type = tag & 7
            if wire_type == _VARINT:
                _, position = self._varint(position, end)
                continue
            if wire_type != _LENGTH:
                groups += (wire_type == _START_GROUP) - (wire_type == _END_GROUP)
                position += _FIXED_BYTES.get(wire_type, end)
                continue
            length, position = self._varint(position, end)
            if not groups and (field := known.get(tag >> 3)) is not None:
                self._see(field, position, min(position + length, end), counts, prefix)
            position += length

    def _see(self, field: _Field, start: int, end: int, counts: dict[str, int], prefix: str) -> None:
        path = f"{prefix}{field.name}"
        index = counts.get(path, 0)
        counts[path] = index + 1
        if field.allowed is not None and index >= _MANY_ELEMENTS and index not in field.allowed:
            message = f"has more than {_MANY_ELEMENTS:,} elements, must have {field.allowed}"
            raise InvalidRequestError([Violation(path, message)])
        self._skipped_bytes += end - start
        if field.inside is None or self._skipped_bytes <= _FEW_BYTES:
            return
        if field.repeated:
            self.into(field.inside, start, end, {}, f"{path}[{index}].")
        else:
            # A message that comes twice is merged with itself.
            self.into(field.inside, start, end, counts, f"{path}.")

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        number = shift = 0
        # The number of ten bytes is the longest that is valid.
        last = position + 10
        while position < end:
            if position == last:
                return 0, end
            byte = self._wire[position]
            position += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follows
                break
            shift += 7
        return number, position


@cache
def _fields_of(descriptor: Descriptor) -> dict[int, _Field]:
    """Return the fields, by their numbers, that are lists with a limit or have some inside."""
    declared = DescriptorProto()
    descriptor.CopyToProto(declared)
    fields: dict[int, _Field] = {}
    for field in declared.field:
        allowed = size_of(field)
        inside = descriptor.fields_by_number[field.number].message_type
        has_lists = inside is not None and bool(_fields_of(inside))
        if has_lists or allowed is not None:
            repeated = field.label == FieldDescriptorProto.LABEL_REPEATED
            fields[field.number] = _Field(field.name, repeated, allowed, inside if has_lists else None)
    return fields
