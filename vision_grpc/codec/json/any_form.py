"""The JSON form of google.protobuf.Any, the wrapper of error details.

A detail of a type that the contract has is the object of its fields and `@type`. A detail of another type is kept,
in both directions:

- Wire bytes, whose fields are unknown, become `{"@type": ..., "value": "<base64>"}`.
- JSON, which cannot become wire bytes without the type, is kept as text in the Any's value, in a field of the
  highest number. A reader that knows the type sees a message with an unknown field.

Both are restored exactly.
"""

import binascii

from google.protobuf.descriptor import Descriptor

from vision_grpc.codec.json.tree import Json, dump, quote, read_object
from vision_grpc.codec.wire_format import length_delimited
from vision_grpc.errors import ProtocolError
from vision_grpc_pb._pool import POOL

_KEPT_FIELD = 2**29 - 1
_KEPT_TAG = length_delimited(_KEPT_FIELD, b"")[:-1]


def type_named_by(type_url: str) -> Descriptor | None:
    """Return the message type of a type URL, None if the contract does not have it."""
    try:
        return POOL.FindMessageTypeByName(type_url.rpartition("/")[2])
    except KeyError:
        return None


def keep(members: dict[str, Json]) -> bytes:
    """Return the value of an Any for these members, which do not include `@type`.

    Raises:
        ProtocolError: they are nested too deeply.
    """
    text = members.get("value")
    if len(members) == 1 and isinstance(text, str):
        wire = _decode_canonical(text)
        # Bytes that look like kept text would turn into its members on the way back.
        if wire is not None and _read_kept(wire) is None:
            return wire
    return length_delimited(_KEPT_FIELD, dump(members).encode()) if members else b""


def print_kept(type_url: str, value: bytes) -> str:
    """Return the JSON of an Any whose type the contract does not have."""
    members = f'"@type":{quote(type_url)}' if type_url else ""
    kept = _read_kept(value)
    if kept is None:
        kept = f'"value":"{binascii.b2a_base64(value, newline=False).decode()}"' if value else ""
    return "{" + ",".join(filter(None, (members, kept))) + "}"


def _decode_canonical(text: str) -> bytes | None:
    """Return the bytes of a canonical base64 text, None for any other text."""
    try:
        wire = binascii.a2b_base64(text)
    except ValueError:
        return None
    return wire if wire and binascii.b2a_base64(wire, newline=False).decode() == text else None


def _read_kept(value: bytes) -> str | None:
    """Return the kept members as text without braces, None if the value is something else."""
    text = value[value.find(b"{") :]
    if not value.startswith(_KEPT_TAG) or length_delimited(_KEPT_FIELD, text) != value:
        return None
    try:
        members = read_object(text)
        is_kept = members and "@type" not in members and dump(members).encode() == text
    except ProtocolError:
        return None
    return text.decode()[1:-1] if is_kept else None
