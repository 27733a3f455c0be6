"""What the codec needs to know about a message's fields, read from its descriptor once."""

from functools import cache
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

SPECIAL_FORMS = frozenset({"google.protobuf.Any", "google.protobuf.Duration", "google.protobuf.Timestamp"})
"""Messages of the contract whose JSON is not an object of their fields."""


class Field(NamedTuple):
    """One field, as proto3 JSON sees it."""

    name: str
    json_name: str
    number: int
    type: int
    """A `FieldDescriptor.TYPE_*`; in a repeated field or a map, that of one element or value."""
    repeated: bool
    map_key_type: int | None
    """The type of the keys; None if the field is not a map."""
    oneof: str | None
    message: Descriptor | None
    enum: EnumDescriptor | None
    descriptor: FieldDescriptor


@cache
def fields_of(descriptor: Descriptor) -> tuple[Field, ...]:
    """Return the fields of a message type, by number."""
    # In protobuf 4 to 7, no attribute of FieldDescriptor always says whether a field is repeated; its proto does.
    declared = DescriptorProto()
    descriptor.CopyToProto(declared)
    repeated = {field.number for field in declared.field if field.label == FieldDescriptorProto.LABEL_REPEATED}
    fields = (_read(field, repeated=field.number in repeated) for field in descriptor.fields)
    return tuple(sorted(fields, key=lambda field: field.number))


@cache
def fields_by_spelling(descriptor: Descriptor) -> dict[str, Field]:
    """Return the fields by both spellings of their names, `boundingBox` and `bounding_box`."""
    fields = fields_of(descriptor)
    return {field.name: field for field in fields} | {field.json_name: field for field in fields}


@cache
def other_spellings(descriptor: Descriptor) -> frozenset[str]:
    """Return the field names, in a message and those within it, that JSON usually spells without underscores."""
    spellings: set[str] = set()
    for field in fields_of(descriptor):
        if field.name != field.json_name:
            spellings.add(field.name)
        if field.message is not None:
            spellings |= other_spellings(field.message)
    return frozenset(spellings)


def _read(field: FieldDescriptor, *, repeated: bool) -> Field:
    oneof = field.containing_oneof
    value, map_key_type = field, None
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        repeated = False
        map_key_type = field.message_type.fields_by_name["key"].type
        value = field.message_type.fields_by_name["value"]
    return Field(
        name=field.name,
        json_name=field.json_name,
        number=field.number,
        type=value.type,
        repeated=repeated,
        map_key_type=map_key_type,
        oneof=None if oneof is None else oneof.name,
        message=value.message_type,
        enum=value.enum_type,
        descriptor=field,
    )
