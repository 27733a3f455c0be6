"""The service over gRPC."""

from asyncio import AbstractEventLoop
from collections.abc import Sequence
from typing import Any, NoReturn, Protocol

import grpc
from google.protobuf.message import Message

from vision_grpc.api.api import Api, Reply, RequestTemplate, own_headers
from vision_grpc.errors import MachineError, PathError
from vision_grpc.network.attempt import Attempt, not_started
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.results import Answer
from vision_grpc.transport import BatchCall, Call, OnDone
from vision_grpc.transport.ended_call import EndedCall
from vision_grpc.transport.grpc.call import CallUnderWay, GrpcBatchCall, GrpcCall, GrpcStreamCall
from vision_grpc.transport.grpc.channel_pool import ChannelPool
from vision_grpc.transport.grpc.descriptors import check_descriptors
from vision_grpc.transport.grpc.exchange import Metadata, metadata_of, sign_of
from vision_grpc.transport.grpc.forks import FORKS
from vision_grpc.transport.grpc.loop_channel import LoopChannels
from vision_grpc.transport.grpc.streams import LoopStreams, ThreadStreams
from vision_grpc.transport.grpc.thread_channel import ThreadChannels, ThreadlessChannelError
from vision_grpc.transport.grpc.untrusted import Refusals
from vision_grpc.transport.headers import Headers


class ChannelKind(Protocol):
    """The two kinds of gRPC channels: for threads, and for an event loop."""

    def open(self, endpoint: Endpoint, tls: Tls, path: str) -> tuple[Any, Any]:
        """Return a channel, and the method on it. It connects when it is first used."""
        ...

    def start(self, method: Any, wire: bytes, timeout_s: float, metadata: Metadata) -> CallUnderWay:  # noqa: ANN401
        """Send a request: bytes out, bytes in. An answer that gRPC cannot parse looks like a broken connection.

        Raises:
            ValueError, grpc.aio.UsageError: the channel is closed.
        """
        ...

    def close(self, channels: Sequence[Any]) -> None:
        """Close channels; calls under way fail."""
        ...

    async def aclose(self, channels: Sequence[Any]) -> None:
        """Close channels without blocking the event loop."""
        ...

    def is_connected(self, channel: Any) -> bool:  # noqa: ANN401
        """Whether a channel has a connection, over which the peer has begun HTTP/2."""
        ...

    def drop(self, channel: Any) -> None:  # noqa: ANN401
        """Close a channel that has no calls, soon and without waiting for it."""
        ...


class GrpcTransport:
    """As many channels to the service as the calls need that are under way at once.

    They are for threads or, where a `loop` is given, for this event loop, which the transport then belongs to.
    """

    def __init__(
        self,
        api: Api,
        endpoint: Endpoint,
        tls: Tls,
        *,
        headers: Headers = (),
        loop: AbstractEventLoop | None = None,
    ) -> None:
        self._api = api
        self._endpoint = endpoint
        self._refusals = Refusals(tls)
        self._headers = headers
        self._closed = False
        kind: ChannelKind
        if loop is not None and FORKS.are_loops_served:
            kind = (LoopStreams if api.is_stream else LoopChannels)(loop)
        else:
            kind = ThreadStreams() if api.is_stream else ThreadChannels()
        self._batch_call: type[GrpcBatchCall] = GrpcStreamCall if api.is_stream else GrpcBatchCall

        # Without a reference back to the transport: once closed, gRPC ends its thread when the last channel is gone.
        def open_channel() -> tuple[Any, Any]:
            check_descriptors()
            return kind.open(endpoint, tls, api.grpc_path)

        self._channels: ChannelPool[Any, Any] = ChannelPool(open_channel, kind.is_connected)
        self._kind = kind

    def start(
        self,
        contents: Sequence[bytes],
        template: RequestTemplate,
        authorization: str | None,
        deadline: Deadline,
        on_done: OnDone,
    ) -> BatchCall:
        """Send a batch; see `Transport`."""
        attempt = Attempt(self._endpoint, deadline, authorization)
        if not deadline.left_s:
            on_done()
            return EndedCall[Answer](attempt.late(), contents)
        wire = template.join(contents)
        try:
            metadata = metadata_of(authorization, self._headers, own_headers(template))
            call = self._call(wire, attempt, metadata, on_done)
        except (PathError, MachineError) as error:
            on_done()
            return EndedCall[Answer](error, contents)
        return self._batch_call(call, wire, attempt, self._is_silent, self._api)

    def send(self, request: Message, authorization: str | None, deadline: Deadline, on_done: OnDone) -> Call[Reply]:
        """Send a request as it is; see `Transport`."""
        attempt = Attempt(self._endpoint, deadline, authorization)
        if not deadline.left_s:
            on_done()
            return EndedCall[Reply](attempt.late())

        def read(wire: bytes) -> Reply:
            response = self._api.parse_wire(wire)
            self._api.check_answer(request, response)
            return response

        try:
            metadata = metadata_of(authorization, self._headers)
            call = self._call(request.SerializeToString(), attempt, metadata, on_done)
        except (PathError, MachineError) as error:
            on_done()
            return EndedCall[Reply](error)
        return GrpcCall(call, attempt, self._is_silent, read)

    def close(self) -> None:
        """Close the channels; see `Transport`."""
        self._closed = True
        self._kind.close(self._channels.close())

    async def aclose(self) -> None:
        """Close the channels; see `Transport`."""
        self._closed = True
        await self._kind.aclose(self._channels.close())

    def _call(self, wire: bytes, attempt: Attempt, metadata: Metadata, on_done: OnDone) -> CallUnderWay:
        """Start a call.

        Raises:
            PathError, MachineError: no channel can be opened, or the call has no thread.
            TransportError: the transport is closed.
        """
        if (pooled := self._channels.take()) is None:
            raise not_started(self._endpoint)
        allowed_s, refusals = attempt.deadline.left_s, self._refusals
        try:
            call = self._kind.start(pooled.method, wire, allowed_s, metadata)
        except (ValueError, grpc.aio.UsageError) as error:
            self._channels.leave(pooled)
            self._refuse(error)
        except ThreadlessChannelError:
            self._channels.abandon(pooled)
            raise
        except BaseException:
            self._channels.leave(pooled)
            raise

        self._channels.started(pooled)

        def end(_: object) -> None:
            try:
                if (dead := self._channels.end(pooled, sign_of(call, attempt.deadline), allowed_s)) is not None:
                    self._kind.drop(dead)
            finally:
                refusals.explain_first(call, attempt, on_done)

        call.add_done_callback(end)
        return call

    def _is_silent(self) -> bool:
        return self._channels.is_silent

    def _refuse(self, error: Exception) -> NoReturn:
        """Raise for a call that was not started. To gRPC, that the channel is closed is a mistake in an argument."""
        if not self._closed:
            raise error
        raise not_started(self._endpoint) from error
