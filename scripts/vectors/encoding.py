"""Messages of the contract, from JSON to binary as protobuf's own library has it."""

import base64
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from vision_grpc.contract.descriptor_set import descriptor_set

VISION = "yandex.cloud.ai.vision.v1"
OCR = "yandex.cloud.ai.ocr.v1"

_POOL = DescriptorPool()
for _file in FileDescriptorSet.FromString(descriptor_set()).file:
    _POOL.AddSerializedFile(_file.SerializeToString())


def message_of(name: str, value: dict[str, Any]) -> Message:
    """Return a message from its JSON, which has to be the form that protobuf prints.

    Raises:
        ValueError: protobuf prints another form.
    """
    message = GetMessageClass(_POOL.FindMessageTypeByName(name))()
    json_format.ParseDict(value, message, descriptor_pool=_POOL)
    if json_of(message) != value:
        text = f"this is not the canonical form of a {name}: {value}, but {json_of(message)}"
        raise ValueError(text)
    return message


def json_of(message: Message) -> dict[str, Any]:
    """Return a message as JSON."""
    printed: dict[str, Any] = json_format.MessageToDict(message, descriptor_pool=_POOL)
    return printed


def base64_of(message: Message) -> str:
    """Return a message in binary, its maps in a fixed order."""
    return text_of(message.SerializeToString(deterministic=True))


def text_of(content: bytes) -> str:
    """Return bytes as base64."""
    return base64.b64encode(content).decode()
