"""Usual JSON to a message, through structs and wire bytes.

The decoder accepts three things that strict reading refuses or reads differently: two equal keys in one object, the
other spelling of a name, and broken UTF-8 in what it skips. Searching for them would cost more than decoding, so a
count proves instead that they are absent: outside strings, each colon of a JSON text belongs to one key. If there are
as many colons as keys were written, no key was given twice and nothing was skipped. Only a text that fails the proof,
for example one with unknown fields, is searched.
"""

from typing import TypeVar, cast

import msgspec
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message

from vision_grpc.codec.json.fields import SPECIAL_FORMS, other_spellings
from vision_grpc.codec.json.keys import has_escape, may_have_key
from vision_grpc.codec.json.structs import decoder_of, outline_decoder_of
from vision_grpc.codec.json.to_wire import WriteContext, write
from vision_grpc.codec.json.tree import read_keys
from vision_grpc.errors import ProtocolError

# The structs of three pages fit the processor's cache. In a longer text, each page is decoded separately: finding
# where the pages end costs a tenth of reading them.
MOST_BYTES_AT_ONCE = 256 * 1024
_MessageT = TypeVar("_MessageT", bound=Message)


def read_fast(
    data: bytes, message_class: type[_MessageT], *, ignore_unknown: bool, is_lenient: bool = False
) -> _MessageT | None:
    """Return the message in a JSON text, None when only strict reading can decide.

    With `is_lenient`, base64 may have white space in it.
    """
    descriptor = cast("Descriptor", message_class.DESCRIPTOR)
    if descriptor.full_name in SPECIAL_FORMS:
        return None
    context = WriteContext(ignore_unknown=ignore_unknown, is_lenient=is_lenient)
    try:
        is_outline = len(data) > MOST_BYTES_AT_ONCE
        decoder = (outline_decoder_of if is_outline else decoder_of)(descriptor)
        wire = write(decoder.decode(data), descriptor, context, is_outline=is_outline)
        if _all_keys_written(data, context) or (ignore_unknown and _only_unknown_keys_skipped(data, descriptor)):
            return message_class.FromString(wire)
    except (msgspec.MsgspecError, ArithmeticError, ValueError, RecursionError, DecodeError, ProtocolError):
        pass
    return None


def _all_keys_written(data: bytes, context: WriteContext) -> bool:
    """Whether the text has no more keys than were written."""
    colons = context.keys + context.raw_colons + context.string_colons
    # An escaped colon is in the string, but not in the text.
    return data.count(b":") == colons and not (context.string_colons and has_escape(data, b"\\u003"))


def _only_unknown_keys_skipped(data: bytes, descriptor: Descriptor) -> bool:
    """Whether a text with more keys than were written is valid, and no message has those keys."""
    others = other_spellings(descriptor)
    if has_escape(data, b"\\u"):
        return others.isdisjoint(read_keys(data))
    if b"_" in data and any(may_have_key(data, name) for name in others):
        return False
    # Decoding everything checks each string. Of two equal keys in an object one is lost, with its colon.
    return msgspec.json.encode(msgspec.json.decode(data)).count(b":") == data.count(b":")
