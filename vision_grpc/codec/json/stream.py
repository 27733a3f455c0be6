"""An answer that comes as a stream, in JSON: one value after the other, `{"result": {...}}` for each message.

A stream of one message may be that message alone, as the documentation shows it; some gateways make one list of all.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

from google.protobuf.message import Message

from vision_grpc.codec.json.codec import from_json
from vision_grpc.codec.json.error_body import is_error, read_error_object
from vision_grpc.codec.json.strict import read_message
from vision_grpc.codec.json.tree import Json, read_value
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import Status

_MessageT = TypeVar("_MessageT", bound=Message)
_Tree = dict[str, Json]

_decoder = json.JSONDecoder()
_BLANKS = re.compile(r"[ \t\r\n]*")
_RESULT_HEAD, _TAIL = b'{"result":', b"}"


def read_stream(
    body: bytes, message_class: type[_MessageT], amend: Callable[[_Tree], None]
) -> tuple[list[_MessageT], Status | None]:
    """Return the messages in the body of an answer, and the error that came after them.

    `amend` changes the JSON of a message to how it is written now, where older services wrote it otherwise.

    Raises:
        ProtocolError: the body is not JSON, or not of such messages.
    """
    messages: list[_MessageT] = []
    for text in _values(body):
        if (message := _read_usual(text, message_class)) is None:
            tree = read_value(text)
            for each in tree if isinstance(tree, list) else [tree]:
                if isinstance(each, dict) and "result" not in each and is_error(each):
                    return messages, read_error_object(each)
                messages.append(_read(each, message_class, amend))
        else:
            messages.append(message)
    return messages, None


def whole_values(body: bytes) -> bytes:
    """Return the JSON values of a body that broke off, without the beginning of one that is behind them."""
    text, end = body.decode(errors="surrogateescape"), 0
    with suppress(ValueError, RecursionError):
        while (start := _behind_blanks(text, end)) < len(text):
            _, end = _decoder.raw_decode(text, start)
    return text[:end].encode(errors="surrogateescape")


def _values(body: bytes) -> Iterator[bytes]:
    """Yield the JSON values of a body, whatever is between them: a line end as a rule."""
    try:
        text = body.decode()
        start = _behind_blanks(text, 0)
        while start < len(text):
            _, end = _decoder.raw_decode(text, start)
            yield text[start:end].encode()
            start = _behind_blanks(text, end)
    except (ValueError, RecursionError) as error:
        message = f"the answer is not JSON: {error}"
        raise ProtocolError(message) from error


def _behind_blanks(text: str, start: int) -> int:
    blanks = _BLANKS.match(text, start)
    return start if blanks is None else blanks.end()


def _read_usual(text: bytes, message_class: type[_MessageT]) -> _MessageT | None:
    """Return the message of a value that has nothing else, and nothing that is to be amended."""
    if not text.startswith(_RESULT_HEAD) or b'"alternatives"' in text:
        return None
    try:
        return from_json(text[len(_RESULT_HEAD) : -len(_TAIL)], message_class)
    except ProtocolError:
        return None  # What is wrong with it is said of the whole value.


def _read(value: Json, message_class: type[_MessageT], amend: Callable[[_Tree], None]) -> _MessageT:
    inner = value.get("result", value) if isinstance(value, dict) else value
    message = message_class()
    if isinstance(inner, dict):
        amend(inner)
    read_message(inner, message, ignore_unknown=True)
    return message
