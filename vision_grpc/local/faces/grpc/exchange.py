"""One call over gRPC: its head becomes a `Call`, and its reply fields and messages."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

from google.protobuf.message import Message

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.budget import Account
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.log import code_of, log_request
from vision_grpc.local.calls.reply import RawAnswer, Reply
from vision_grpc.local.faces.grpc.line import GrpcLine
from vision_grpc.local.faces.grpc.messages import HEAD_BYTES, MessageReader, check_encoding, framed, parsed
from vision_grpc.local.faces.grpc.metadata import head_of, metadata_of, timeout_of, trailers_of
from vision_grpc.local.faces.http2.stream import Stream
from vision_grpc.local.service import ServiceStoppingError

# A slow answer is sent in pieces, so many a second.
_PIECES_PER_S = 10


class StreamingMethod(NamedTuple):
    """A method with any number of requests and responses."""

    path: str
    request_class: type[Message]
    handle: Callable[[AsyncIterator[Any]], AsyncIterator[Message]]
    """Yields the responses; raises ServiceError."""


class Exchange:
    """A call from its head to its trailers."""

    def __init__(self, stream: Stream, account: Account) -> None:
        metadata = metadata_of(stream.request.fields)
        self.call = Call(
            face="grpc",
            method=stream.request.path,
            peer=stream.connection.peer,
            metadata=metadata,
            line=GrpcLine(stream),
        )
        stream.on_left = self.call.left.set
        self._stream = stream
        self._encoding = metadata.get("grpc-encoding", "identity")
        self._messages = MessageReader(stream, account, self._encoding)
        self._has_begun = False
        self._is_cut_short = False
        self._task = asyncio.current_task()

    def cut_short(self) -> None:
        """End the call with UNAVAILABLE."""
        self._is_cut_short = True
        if self._task is not None:
            self._task.cancel()

    async def answer(self, work: Callable[[], Awaitable[Reply | None]]) -> None:
        """Do the work of the call within its time, and write the reply; None means that all but the end is written."""
        metadata, call = dict(self.call.metadata), self.call
        try:
            if (timeout_s := timeout_of(metadata)) is not None:
                call.deadline = call.started_at + timeout_s
            check_encoding(self._encoding)
            # The work itself ends at the deadline. Two timers around it would make a cancellation of both together.
            reply = await work()
            if reply is not None:
                async with asyncio.timeout_at(call.deadline):
                    await self._write(reply)
                    return
        except TimeoutError:
            reply = self._failed(ServiceError(Code.DEADLINE_EXCEEDED, "the deadline of the call has passed"))
        except asyncio.CancelledError:
            if not self._is_cut_short:
                raise
            reply = self._failed(ServiceStoppingError())
        except Exception as error:  # noqa: BLE001 - a bug is answered too, and logged
            reply = self._failed(error)
            log_request(logging.INFO, call, code_of(reply))
        self.begin()
        self._stream.send_fields(trailers_of(call.ids, None if reply is None else reply.status), ends=True)

    async def request(self, request_class: type[Message]) -> Message:
        """Return the one message of a unary call.

        Raises:
            ServiceError: it is malformed, too long or does not come.
        """
        request = await self._messages.only(request_class, self.call.method)
        self.call.request_bytes = self._messages.wire_bytes
        # The client learns now that the call was taken, unless its answer is there at once. A fault may put an answer
        # of another kind in its place.
        asyncio.get_running_loop().call_soon(self._begin_unless_struck)
        return request

    async def requests(self, request_class: type[Message]) -> AsyncIterator[Message]:
        """Yield the messages of a streaming call.

        Raises:
            ServiceError: one is malformed, too long or does not come.
        """
        while (wire := await self._messages.next()) is not None:
            yield parsed(wire, request_class, self.call.method)

    async def send(self, message: Message) -> None:
        """Send one message of an answer."""
        self.begin()
        await self._stream.send(_framed(message))

    def begin(self) -> None:
        """Send the head of the answer, once."""
        if not self._has_begun:
            self._has_begun = True
            self._stream.send_fields(head_of(self.call.ids))

    def _begin_unless_struck(self) -> None:
        if not self.call.struck_by:
            self.begin()

    def _failed(self, error: Exception) -> Reply:
        return Reply.to_error(error, self.call.ids)

    async def _write(self, reply: Reply) -> None:
        if reply.raw is not None:
            await self._write_raw(reply.raw)
            return
        self.begin()
        if reply.status is None or reply.stream:
            await self._write_messages(reply)
            if reply.cut_after is not None:
                self.call.line.close()
                return
        self._stream.send_fields(trailers_of(self.call.ids, reply.status), ends=True)

    async def _write_messages(self, reply: Reply) -> None:
        """Write the messages one by one, so that no more than one of many is in memory as it is sent."""
        left = None if reply.cut_after is None else HEAD_BYTES + reply.cut_after
        for wire in [framed(reply.body)] if reply.body is not None else map(_framed, reply.messages):
            sent = wire[:left]
            await self._send_at(sent, reply.bytes_per_s)
            if left is not None:
                left -= len(sent)

    async def _write_raw(self, answer: RawAnswer) -> None:
        fields = [
            (":status", str(answer.http_status)),
            *((name.lower(), text) for name, text in answer.headers.items()),
        ]
        # A status of gRPC in the only frame is understood, one before an empty body is not.
        self._stream.send_fields(fields, ends=not answer.body)
        if answer.body:
            await self._stream.send(answer.body)
            self._stream.end()

    async def _send_at(self, wire: bytes, bytes_per_s: float | None) -> None:
        if bytes_per_s is None:
            await self._stream.send(wire)
            return
        step = max(1, int(bytes_per_s / _PIECES_PER_S))
        for start in range(0, len(wire), step):
            piece = wire[start : start + step]
            await self._stream.send(piece)
            await asyncio.sleep(len(piece) / bytes_per_s)


def _framed(message: Message) -> bytes:
    return framed(message.SerializeToString())
