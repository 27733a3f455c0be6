"""JSON read three ways: by `from_json`, strictly, and by protobuf's json_format, which must agree."""

import re
from collections.abc import MutableSequence
from contextlib import suppress

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from vision_grpc.codec.json import from_json
from vision_grpc.codec.json.any_form import type_named_by
from vision_grpc.codec.json.fast import MOST_BYTES_AT_ONCE
from vision_grpc.codec.json.strict import read_message
from vision_grpc.codec.json.tree import read_value
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import Any as AnyMessage
from vision_grpc_pb._pool import POOL

# What json_format lets pass and the other implementations refuse, by our reasons.
_STRICTER = re.compile(
    r"both spellings|base64|whole number|within the range|a number from|a name or number|object was expected|not UTF-8"
    r"|twice|surrogate|too deeply|A?ny?.*@type|a Duration was|a Timestamp was|not a duration|not JSON"
)
# What json_format refuses and ours keeps or skips: details of unknown types, and names that look like extensions.
_KINDER = re.compile(r"Can not find message descriptor|does not have extensions|@type is missing|Invalid type_url")


def read(message_class: type[Message], text: bytes, *, ignore_unknown: bool) -> Message | ProtocolError:
    """Return what `from_json` makes of a text: a message or its error."""
    try:
        return from_json(text, message_class, ignore_unknown=ignore_unknown)
    except ProtocolError as error:
        return error


def _read_strictly(message_class: type[Message], text: bytes, *, ignore_unknown: bool) -> Message | ProtocolError:
    message = message_class()
    try:
        read_message(read_value(text), message, ignore_unknown=ignore_unknown)
    except ProtocolError as error:
        return error
    return message


def read_by_json_format(message_class: type[Message], text: bytes, *, ignore_unknown: bool) -> Message | Exception:
    """Return what json_format makes of a text: a message or its error."""
    try:
        return json_format.Parse(text, message_class(), ignore_unknown_fields=ignore_unknown, descriptor_pool=POOL)
    # It lets some of Python's own errors through, depending on its version.
    except (json_format.ParseError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        return error


def comparable(outcome: Message | Exception) -> bytes | str:
    """Return the bytes of a message, for a NaN is not even equal to itself, or the text of an error."""
    if isinstance(outcome, Exception):
        return str(outcome)
    settled = type(outcome)()
    settled.CopyFrom(outcome)
    _settle(settled)
    return settled.SerializeToString(deterministic=True)


def _settle(message: Message) -> None:
    """Write maps in error details in a fixed order, which json_format does not."""
    for _, value in message.ListFields():
        for inner in value if isinstance(value, MutableSequence) else [value]:
            if isinstance(inner, Message):
                _settle(inner)
            if isinstance(inner, AnyMessage) and (detail_type := type_named_by(inner.type_url)) is not None:
                detail = GetMessageClass(detail_type)()
                with suppress(DecodeError):
                    detail.ParseFromString(inner.value)
                    inner.value = detail.SerializeToString(deterministic=True)


def check(message_class: type[Message], text: bytes, *, ignore_unknown: bool) -> None:
    """Compare the three."""
    ours = read(message_class, text, ignore_unknown=ignore_unknown)
    strict = _read_strictly(message_class, text, ignore_unknown=ignore_unknown)
    theirs = read_by_json_format(message_class, text, ignore_unknown=ignore_unknown)

    assert comparable(ours) == comparable(strict)
    if isinstance(ours, Message):
        long = text + b" " * MOST_BYTES_AT_ONCE  # Which is decoded piece by piece.
        assert comparable(read(message_class, long, ignore_unknown=ignore_unknown)) == comparable(ours)
    if isinstance(theirs, Exception):
        assert isinstance(ours, ProtocolError) or (ignore_unknown and _KINDER.search(str(theirs)))
    elif isinstance(ours, ProtocolError):
        assert _STRICTER.search(str(ours))
    else:
        assert comparable(ours) == comparable(theirs)
