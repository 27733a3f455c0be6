"""An answer that comes as a stream of messages, as the bytes of one message.

Each message of the stream is in field 1, and the error that ended it, if any, in field 2: the twin of what comes over
REST, `{"result": {...}}` for each message and `{"error": {...}}` at the end.
"""

from collections.abc import Iterable

from google.protobuf.message import DecodeError

from vision_grpc.codec.wire_format import LENGTH_DELIMITED, length_delimited, read_field, tag
from vision_grpc.messages import Status

_MESSAGE, _ERROR = 1, 2
_MESSAGE_TAG, _ERROR_TAG = tag(_MESSAGE, LENGTH_DELIMITED)[0], tag(_ERROR, LENGTH_DELIMITED)[0]


def join_stream(messages: Iterable[bytes], error: Status | None = None) -> bytes:
    """Return the bytes of an answer made of these messages, and of the error that came after them."""
    pieces = [length_delimited(_MESSAGE, message) for message in messages]
    if error is not None:
        pieces.append(length_delimited(_ERROR, error.SerializeToString()))
    return b"".join(pieces)


def split_stream(wire: bytes) -> tuple[list[bytes], Status | None]:
    """Return the messages of an answer that `join_stream` made, and the error after them.

    Raises:
        DecodeError: it is something else.
    """
    messages: list[bytes] = []
    error: Status | None = None
    position, end = 0, len(wire)
    while position < end:
        number, start, position = read_field(wire, position, end)
        if number == _MESSAGE_TAG:
            messages.append(wire[start:position])
        elif number == _ERROR_TAG:
            error = Status.FromString(wire[start:position])
        else:
            message = f"a field that no stream has, before byte {position}"
            raise DecodeError(message)
    return messages, error
