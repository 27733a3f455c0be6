"""msgspec structs compiled from descriptors: JSON text is decoded into them on its way to wire bytes.

Each message type becomes a struct whose fields have the proto's names and are read from the JSON names. Values
stay as they are in JSON (an int64 is a string or a number), because the tables of `to_wire` translate both. An absent
field is None, an absent list an empty tuple. An explicit null fits no type, so such a document is left to `strict`.
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
    """Whether a field stays raw JSON for the strict reader: a map, for example, or a message with a special form."""
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

    Those are decoded one by one, so that the few structs that exist at a time fit the processor's cache.
    """
    return Decoder(_struct_of(descriptor, is_outline=True))


@cache
def _struct_of(descriptor: Descriptor, *, is_outline: bool = False) -> type[Struct]:
    fields = fields_of(descriptor)
    return defstruct(
        descriptor.name,
        [(field.name, _type_of(field, is_outline=is_outline), _absent(field)) for field in fields],
        rename={field.name: field.json_name for field in fields},
        # Structs form no cycles, so the garbage collector would visit them in vain.
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
