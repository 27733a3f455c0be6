"""proto3 JSON of any message of the contract."""

from typing import TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

from vision_grpc.errors import ProtocolError
from vision_grpc_pb._pool import POOL

_MessageT = TypeVar("_MessageT", bound=Message)


def to_json(message: Message) -> bytes:
    """Return the message as compact UTF-8 JSON: lowerCamelCase names, int64 as strings, bytes as base64."""
    return json_format.MessageToJson(message, indent=None, ensure_ascii=False, descriptor_pool=POOL).encode()


def from_json(data: bytes | str, message_class: type[_MessageT], *, ignore_unknown: bool = True) -> _MessageT:
    """Return the message that a JSON text spells, in either spelling of field names.

    With `ignore_unknown`, fields and enum names that the contract does not have are skipped.

    Raises:
        ProtocolError: no JSON, or not JSON of this message; says where.
    """
    message = message_class()
    try:
        # json_format stops at 100 levels of messages; json itself may end in RecursionError before.
        json_format.Parse(data, message, ignore_unknown_fields=ignore_unknown, descriptor_pool=POOL)
    except (json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        text = f"not the JSON of a {message_class.DESCRIPTOR.name}: {error}"
        raise ProtocolError(text) from error
    return message
