"""Every message of the generated package can be copied, pickled and found under its short name."""

import copy
import pickle
import pkgutil
from collections.abc import Iterator
from importlib import import_module

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2 as foreign_details
from google.type.date_pb2 import Date

import vision_grpc_pb
from vision_grpc import messages

MODULES = [
    import_module(found.name)
    for found in pkgutil.walk_packages(vision_grpc_pb.__path__, "vision_grpc_pb.")
    if found.name.endswith("_pb2")
]
# What the compiler, the options and the quotas that clients share need; no user handles them.
MACHINERY = (
    "google/api/",
    "google/protobuf/descriptor.proto",
    "vision_grpc/",
    "yandex/cloud/api/",
    "yandex/cloud/validation.proto",
)
# What is read by ocr/v1 has the same names as what is read by vision/v1.
PREFIXES = {"yandex/cloud/ai/ocr/v1/ocr.proto": "Ocr"}


def with_nested(descriptor: Descriptor) -> Iterator[Descriptor]:
    if not descriptor.GetOptions().map_entry:
        yield descriptor
        for nested in descriptor.nested_types:
            yield from with_nested(nested)


TOP_LEVEL = [descriptor for module in MODULES for descriptor in module.DESCRIPTOR.message_types_by_name.values()]
CLASSES = {each.full_name: GetMessageClass(each) for descriptor in TOP_LEVEL for each in with_nested(descriptor)}


def fill(message: Message, depth: int = 2) -> None:
    """Give a value to every scalar field, and to the fields of message fields down to `depth`."""
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.message_type is None:
            sample = {
                FieldDescriptor.CPPTYPE_STRING: b"\xff" if field.type == FieldDescriptor.TYPE_BYTES else "я",
                FieldDescriptor.CPPTYPE_BOOL: True,
                FieldDescriptor.CPPTYPE_ENUM: field.enum_type and field.enum_type.values[-1].number,
            }.get(field.cpp_type, 7)
            if field.is_repeated:
                value.append(sample)
            else:
                setattr(message, field.name, sample)
        elif field.message_type.GetOptions().map_entry:
            value["key"] = "value"
        elif depth:
            part = value.add() if field.is_repeated else value
            part.SetInParent()
            fill(part, depth - 1)


@pytest.mark.parametrize("name", CLASSES)
def test_pickle_and_deepcopy_keep_value_and_class(name: str) -> None:
    message = CLASSES[name]()
    fill(message)
    assert message.ByteSize() or not message.DESCRIPTOR.fields
    pickles = [pickle.dumps(message, protocol) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
    unpickled = [pickle.loads(data) for data in pickles]  # noqa: S301 - our own bytes
    for twin in [*unpickled, copy.copy(message), copy.deepcopy(message)]:
        assert type(twin) is type(message)
        assert twin is not message
        assert twin == message
        assert twin.SerializePartialToString() == message.SerializePartialToString()


def test_classes_reach_the_nested_ones() -> None:
    assert "yandex.cloud.ai.vision.v1.Word.DetectedLanguage" in CLASSES
    assert "google.rpc.BadRequest.FieldViolation" in CLASSES


def short_name(descriptor: Descriptor) -> str:
    return PREFIXES.get(descriptor.file.name, "") + descriptor.name


def test_every_message_that_users_handle_has_its_short_name() -> None:
    handled = [descriptor for descriptor in TOP_LEVEL if not descriptor.file.name.startswith(MACHINERY)]
    assert sorted([short_name(descriptor) for descriptor in handled] + ["adopt"]) == messages.__all__
    for descriptor in handled:
        assert getattr(messages, short_name(descriptor)) is GetMessageClass(descriptor)


def test_adopt_takes_a_message_of_another_package_over() -> None:
    violation = foreign_details.BadRequest.FieldViolation(field="analyze_specs[0].content", description="empty")
    foreign = foreign_details.BadRequest(field_violations=[violation])
    ours = messages.adopt(foreign)
    assert type(ours) is messages.BadRequest
    assert type(foreign) is not messages.BadRequest
    assert ours.SerializeToString() == foreign.SerializeToString()


def test_adopt_keeps_ours_and_unknown_fields() -> None:
    vertex = messages.Vertex.FromString(b"\x08\x07\x98\x06\x01")
    assert messages.adopt(vertex) is vertex
    foreign = foreign_details.RequestInfo.FromString(b"\x0a\x01a\x98\x06\x01")
    assert messages.adopt(foreign).SerializeToString() == b"\x0a\x01a\x98\x06\x01"


def test_adopt_refuses_what_the_contract_does_not_know() -> None:
    with pytest.raises(TypeError, match=r"google\.type\.Date is not a message of the Vision contract"):
        messages.adopt(Date(year=2026))
