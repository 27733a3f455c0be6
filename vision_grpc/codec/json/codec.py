"""proto3 JSON of any message of the contract."""

from typing import TypeVar, cast

from google.protobuf.message import Message

from vision_grpc.codec.json.fast import read_fast
from vision_grpc.codec.json.printer import print_message
from vision_grpc.codec.json.request_body import RequestBody
from vision_grpc.codec.json.strict import read_message
from vision_grpc.codec.json.tree import read_value
from vision_grpc.messages import BatchAnalyzeRequest

_MessageT = TypeVar("_MessageT", bound=Message)


def to_json(message: Message) -> bytes:
    """Return the message as compact UTF-8 JSON: lowerCamelCase names, int64 as strings, bytes as base64.

    Error details of unknown types are printed unchanged; see `any_form`.

    Raises:
        ValueError: a Timestamp or Duration is beyond the years 1 to 9999.
    """
    if isinstance(message, BatchAnalyzeRequest):
        # Each layer of text around the images would be one more copy of them.
        return bytes(RequestBody.of_request(message))
    return print_message(message).encode()


def from_json(
    data: bytes | bytearray | memoryview | str, message_class: type[_MessageT], *, ignore_unknown: bool = True
) -> _MessageT:
    """Return the message in a JSON text, in either spelling of field names.

    With `ignore_unknown`, fields and enum names that the contract does not have are skipped, and error details of
    unknown types are kept unchanged.

    Raises:
        ProtocolError: the data is not JSON, or not JSON of this message; the error says where.
        TypeError: the data is neither text nor bytes, or the class is not that of a message.
    """
    _check_class(message_class)
    if isinstance(data, bytes):
        fast = read_fast(data, message_class, ignore_unknown=ignore_unknown)
        if fast is not None:
            return fast
    elif not isinstance(data, str):
        return from_json(_bytes_of(data), message_class, ignore_unknown=ignore_unknown)
    message = message_class()
    read_message(read_value(data), message, ignore_unknown=ignore_unknown)
    return message


def _check_class(message_class: object) -> None:
    name = getattr(message_class, "__name__", type(message_class).__name__)
    if not isinstance(message_class, type) or not issubclass(cast("type[object]", message_class), Message):
        message = f"from_json makes messages, and {name} is not the class of one"
        raise TypeError(message)


def _bytes_of(data: bytearray | memoryview) -> bytes:
    try:
        return bytes(memoryview(data))
    except TypeError as error:
        message = f"JSON has to be bytes or str, not {type(data).__name__}"
        raise TypeError(message) from error
