"""A result or a message as JSON."""

import msgspec
from google.protobuf.message import Message

from vision_grpc.codec import json as codec
from vision_grpc.results.result import ImageResult


def to_json(value: Message | ImageResult) -> bytes:
    """Return compact UTF-8 JSON: of a result that of `ImageResult.to_dict`, of a message its proto3 JSON.

    A message has lowerCamelCase names, int64 as strings, bytes as base64. Error details of unknown types are printed
    unchanged.

    Raises:
        TypeError: it is neither a result nor a message.
        ValueError: a Timestamp or Duration of a message is beyond the years 1 to 9999.
    """
    if isinstance(value, ImageResult):
        return msgspec.json.encode(value.to_dict())
    _check(value)
    return codec.to_json(value)


def _check(value: object) -> None:
    if not isinstance(value, Message):
        message = f"to_json takes an ImageResult or a protobuf message, not {type(value).__name__}"
        raise TypeError(message)
