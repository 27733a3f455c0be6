"""Vectors that protobuf-es and protobuf-java agree on."""

import json
from pathlib import Path

import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from vision_grpc import messages
from vision_grpc.codec.json import from_json, to_json
from vision_grpc.errors import ProtocolError
from vision_grpc_pb._pool import POOL

_VECTORS = json.loads((Path(__file__).parents[2] / "data" / "proto3_json.json").read_bytes())


def _cases(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", _VECTORS[kind], ids=[case["name"] for case in _VECTORS[kind]])


def _class(case: dict[str, str]) -> type[Message]:
    return GetMessageClass(POOL.FindMessageTypeByName(case["type"]))


def _by_value(text: str | bytes) -> object:
    return json.loads(text, parse_int=float)


@_cases("roundtrip")
def test_prints_the_message(case: dict[str, str]) -> None:
    message = _class(case).FromString(bytes.fromhex(case["binary_hex"]))

    assert _by_value(to_json(message)) == _by_value(case["json"])


@_cases("roundtrip")
@pytest.mark.parametrize("ignore_unknown", [True, False])
def test_reads_the_message(case: dict[str, str], *, ignore_unknown: bool) -> None:
    message_class = _class(case)
    expected = message_class.FromString(bytes.fromhex(case["binary_hex"]))

    message = from_json(case["json"].encode(), message_class, ignore_unknown=ignore_unknown)

    # As values: a NaN equals nothing, itself included, and maps inside details are in no fixed order.
    assert _by_value(to_json(message)) == _by_value(to_json(expected))


@_cases("parse")
@pytest.mark.parametrize("ignore_unknown", [True, False])
def test_takes_every_legal_spelling(case: dict[str, str], *, ignore_unknown: bool) -> None:
    message_class = _class(case)

    message = from_json(case["json"].encode(), message_class, ignore_unknown=ignore_unknown)

    assert message == message_class.FromString(bytes.fromhex(case["expect"]))


@_cases("reject")
def test_refuses_what_is_illegal(case: dict[str, str]) -> None:
    with pytest.raises(ProtocolError):
        from_json(case["json"].encode(), _class(case), ignore_unknown=False)


@pytest.mark.parametrize(
    ("message_class", "text"),
    [
        (messages.AnalyzeSpec, b'{"content":"!!!"}'),
        (messages.BatchAnalyzeRequest, b'{"folderId":"a","folder_id":"a"}'),
        (messages.BatchAnalyzeRequest, b"[]"),
        (messages.Feature, b'{"type":true}'),
    ],
    ids=["garbage as base64", "both spellings", "list", "boolean enum"],
)
@pytest.mark.parametrize("ignore_unknown", [True, False])
def test_refuses_what_json_format_lets_pass(message_class: type[Message], text: bytes, *, ignore_unknown: bool) -> None:
    with pytest.raises(ProtocolError):
        from_json(text, message_class, ignore_unknown=ignore_unknown)
