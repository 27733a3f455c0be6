"""What a caller sends along with each call: metadata in gRPC, headers in REST."""

import re
from collections.abc import Mapping
from typing import cast

from vision_grpc.errors import SettingError
from vision_grpc.texts.arguments import wrong_type
from vision_grpc.texts.header_value import is_header_value
from vision_grpc.texts.quoting import show
from vision_grpc.transport.headers import Headers

# What gRPC takes. HTTP ignores case, so that names may be given in any.
_NAME = re.compile(r"[0-9a-z_.-]+", re.ASCII)
_OWN = frozenset(
    {"accept-encoding", "authorization", "connection", "content-encoding", "content-length", "content-type", "date",
     "expect", "host", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding",
     "upgrade", "user-agent", "x-client-request-id", "x-data-logging-enabled"}
)  # fmt: skip


def read_metadata(given: object) -> Headers:
    """Return the names and values that go along with each call; those that calls have anyway are not among them.

    Raises:
        TypeError: it is not a mapping of texts.
        SettingError: a name or a value cannot be sent, or is the client's own.
    """
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        raise wrong_type(given, "metadata", "a mapping such as {'x-test-id': '7'}")
    read: dict[str, str] = {}
    for key, value in cast("Mapping[object, object]", given).items():
        if not isinstance(key, str) or not isinstance(value, str):
            kind = type(value if isinstance(key, str) else key).__name__
            message = f"metadata {show(key)} is of type {kind}: names and values are texts"
            raise TypeError(message)
        name = key.lower()
        if problem := _problem_of(name, value):
            message = f"metadata {show(key)} {problem}"
            raise SettingError(message)
        if name in read:
            message = f"metadata {show(key)} is there twice, for case makes no difference"
            raise SettingError(message)
        read[name] = value
    return tuple(read.items())


def _problem_of(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        return "is not a name of letters, digits, hyphens, dots and underscores"
    if name in _OWN or name.startswith("grpc-"):
        return "is set by the client itself"
    if name.endswith("-bin"):
        return "would have to be binary, and values are texts"
    # The value may be a secret.
    return "" if is_header_value(value) else "has a value that is not printable ASCII without blanks at its ends"
