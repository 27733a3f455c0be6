"""Requests and answers that are remembered, and how many bytes they take."""

from collections.abc import Sequence
from typing import Protocol, cast

from google.protobuf.message import Message

from vision_grpc.codec.json import to_json
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.faces.rest.reply import json_lines
from vision_grpc.local.ocr_v1.operation import StoredPages
from vision_grpc.messages import (
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    CancelOperationRequest,
    GetOperationRequest,
    GetRecognitionRequest,
    Operation,
    RecognizeTextRequest,
    RecognizeTextResponse,
    Status,
)

_REQUESTS = (
    BatchAnalyzeRequest,
    RecognizeTextRequest,
    GetRecognitionRequest,
    GetOperationRequest,
    CancelOperationRequest,
)
_ENCODINGS = ("grpc-encoding", "content-encoding")
_PLAIN = ("", "identity")
_MOST_PARTS = 64


class KeptAnswer(Protocol):
    """An answer that is remembered."""

    size: int
    """Its bytes."""

    def to_json(self) -> bytes:
        """Return the answer as JSON."""
        ...


class Kept:
    """A message that is remembered."""

    def __init__(self, message: Message, size: int | None = None) -> None:
        # What was parsed holds little more than its bytes, and costs nothing to keep. A message that was made word by
        # word takes several times as much, so that its bytes are kept.
        self._kind = type(message)
        self._content = message.SerializeToString() if size is None else message
        self.size = len(self._content) if isinstance(self._content, bytes) else cast("int", size)

    def message(self) -> Message:
        """Return the message, which must not be changed."""
        return self._kind.FromString(self._content) if isinstance(self._content, bytes) else self._content

    def to_json(self) -> bytes:
        """Return the message as JSON."""
        return to_json(self.message())


class KeptStream:
    """The pages of a stream, and the error that it may have ended with."""

    def __init__(self, messages: Sequence[Message], status: Status | None) -> None:
        self._pages = messages if isinstance(messages, StoredPages) else _stored(messages)
        self._status = status
        self.size = self._pages.size

    def to_json(self) -> bytes:
        """Return a list of what REST has a line for."""
        lines = json_lines(Reply(stream=self._pages, status=self._status)).splitlines()
        return b"[%b]" % b",".join(lines)


def kept_request(call: Call) -> Kept | None:
    """Return the request of a call, None if it is not one to keep: those of other methods, for tokens, hold secrets."""
    request = call.request
    if not isinstance(request, _REQUESTS) or not _is_ordinary(request):
        return None
    is_packed = any(call.metadata.get(name, "") not in _PLAIN for name in _ENCODINGS)
    return Kept(request, request.ByteSize() if is_packed or not call.request_bytes else call.request_bytes)


def kept_answer(reply: Reply) -> KeptAnswer | None:
    """Return the answer to a call, None if it is not one to keep."""
    # A page of words takes several times as much memory as its bytes.
    if reply.stream:
        return KeptStream(reply.stream, reply.status)
    if reply.status is not None:
        return Kept(reply.status)
    return Kept(reply.message) if isinstance(reply.message, BatchAnalyzeResponse | Operation) else None


def _stored(messages: Sequence[Message]) -> StoredPages:
    pages = [cast("RecognizeTextResponse", each) for each in messages]
    return StoredPages([page.text_annotation.SerializeToString() for page in pages])


def _is_ordinary(request: Message) -> bool:
    """Return whether a request takes about as much memory as it has bytes: millions of empty messages take far more."""
    if isinstance(request, RecognizeTextRequest):
        return len(request.language_codes) <= _MOST_PARTS
    if not isinstance(request, BatchAnalyzeRequest):
        return True
    return len(request.analyze_specs) <= _MOST_PARTS and all(
        len(spec.features) <= _MOST_PARTS
        and all(len(feature.text_detection_config.language_codes) <= _MOST_PARTS for feature in spec.features)
        for spec in request.analyze_specs
    )
