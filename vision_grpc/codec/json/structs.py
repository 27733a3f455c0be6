"""msgspec structs compiled from descriptors: what JSON text is decoded into on its way to wire bytes.

Each message type becomes a struct whose fields bear the proto's names and are read from the JSON names. Values
stay as JSON has them (an int64 is a string or a number), because the tables of `to_wire` translate both at
once. An absent field is None, or an empty tuple where a list belongs; an explicit null fits no type, so that
such a document is refused here and goes the strict way.
"""

from functools import cache
from types import GenericAlias
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from msgspec import Raw, Struct, defstruct
from msgspec.json import Decoder

from vision_grpc.codec.json.fields import SPECIAL_FORMS, Field, fields_of

_TYPES: dict[int, Any] = {
    FieldDescriptor.TYPE_DOUBLE: float | str,
    FieldDescriptor.TYPE_INT32: int | str,
    FieldDescriptor.TYPE_INT64: int | str,
    FieldDescriptor.TYPE_ENUM: int | str,
    FieldDescriptor.TYPE_BOOL: bool,
    FieldDescriptor.TYPE_STRING: str,
    FieldDescriptor.TYPE_BYTES: str,
}


def is_raw(field: Field) -> bool:
    """Whether a field stays raw JSON for the strict reader, such as a map or a message with a form of its own."""
    if field.map_key_type is not None:
        return True
    if field.message is not None:
        return field.message.full_name in SPECIAL_FORMS
    return field.type not in _TYPES


@cache
def decoder_of(descriptor: Descriptor) -> Decoder[Struct]:
    """Return the decoder of a message type's JSON."""
    return Decoder(_struct_of(descriptor))


@cache
def outline_decoder_of(descriptor: Descriptor) -> Decoder[Struct]:
    """Return the decoder of a message type's JSON that leaves the messages in its lists raw.

    Those are decoded one by one: so few structs at a time stay in the processor's cache and out of the
    garbage collector's way.
    """
    return Decoder(_struct_of(descriptor, is_outline=True))


@cache
def _struct_of(descriptor: Descriptor, *, is_outline: bool = False) -> type[Struct]:
    fields = fields_of(descriptor)
    return defstruct(
        descriptor.name,
        [(field.name, _type_of(field, is_outline=is_outline), _absent(field)) for field in fields],
        rename={field.name: field.json_name for field in fields},
        # Without cycles there is nothing for the garbage collector to find, only to visit.
        gc=False,
    )


def _absent(field: Field) -> tuple[()] | None:
    return () if field.repeated and not is_raw(field) else None


def _type_of(field: Field, *, is_outline: bool) -> Any:  # noqa: ANN401 - a type expression
    if is_raw(field):
        return Raw
    if field.message is None:
        value = _TYPES[field.type]
    else:
        value = Raw if is_outline and field.repeated else _struct_of(field.message)
    return GenericAlias(list, value) if field.repeated else value
