"""Metadata of gRPC as fields of HTTP/2."""

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote

from google.protobuf.message import Message

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.call import CallIds
from vision_grpc.local.faces.http2.fields import Fields
from vision_grpc.messages import Status

ENCODINGS = "identity, gzip, deflate"
"""The compressions that requests may have."""

_TIMEOUT = re.compile(r"([0-9]{1,8})([HMSmun])")
_SECONDS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
# All of ASCII that can be printed, except the percent sign.
_PLAIN = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


def metadata_of(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the fields of a request by their names; several values of one name are joined by a comma."""
    metadata: dict[str, str] = {}
    for name, value in fields:
        metadata[name] = f"{metadata[name]}, {value}" if name in metadata else value
    return metadata


def timeout_of(metadata: dict[str, str]) -> float | None:
    """Return how many seconds the client waits, None if it does not say.

    Raises:
        ServiceError: the time is malformed.
    """
    text = metadata.get("grpc-timeout")
    if text is None:
        return None
    if match := _TIMEOUT.fullmatch(text):
        return int(match[1]) * _SECONDS[match[2]]
    message = "grpc-timeout is not a number of at most 8 digits and one of the units H, M, S, m, u and n"
    raise ServiceError(Code.INVALID_ARGUMENT, message)


def head_of(ids: CallIds) -> Fields:
    """Return the fields before the messages of an answer."""
    return [
        (":status", "200"),
        ("content-type", "application/grpc"),
        ("grpc-accept-encoding", ENCODINGS),
        *ids.metadata,
    ]


def trailers_of(ids: CallIds, status: Status | None) -> Fields:
    """Return the fields after the messages; without a status the call is OK."""
    if status is None:
        return [("grpc-status", "0"), *ids.metadata]
    return [
        ("grpc-status", str(status.code)),
        ("grpc-message", quote(status.message, safe=_PLAIN).strip()),
        ("grpc-status-details-bin", _binary(status)),
        *ids.metadata,
    ]


def _binary(message: Message) -> str:
    return base64.b64encode(message.SerializeToString()).decode().rstrip("=")
