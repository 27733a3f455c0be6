"""The service over gRPC, for an event loop."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

import grpc
import grpc.aio

from vision_grpc.codec.batch_wire import join_request, split_request
from vision_grpc.codec.request import Ask
from vision_grpc.contract.method import METHOD_PATH, Headers
from vision_grpc.errors import TransportError
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.network.attempt import Attempt, not_started
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.results import Answer
from vision_grpc.transport.grpc.channels import Channels
from vision_grpc.transport.grpc.peer import (
    LONGEST_S,
    Failure,
    credentials_of,
    metadata_of,
    options_of,
    read_answer,
    translate,
)
from vision_grpc.transport.grpc.threads import parse_response

if TYPE_CHECKING:
    _Method = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
    _Call = grpc.aio.UnaryUnaryCall[bytes, bytes]


class AsyncGrpcTransport:
    """As many channels to the service as the calls need that are under way at once."""

    def __init__(self, endpoint: Endpoint, tls: Tls, *, headers: Headers = ()) -> None:
        self._endpoint = endpoint
        self._headers = headers

        def open_method() -> "tuple[grpc.aio.Channel, _Method]":
            channel = _open(endpoint, tls)
            return channel, channel.unary_unary(METHOD_PATH)

        self._channels = Channels(open_method)

    def start(
        self,
        contents: Sequence[bytes],
        ask: Ask,
        authorization: str | None,
        *,
        timeout_s: float,
        on_done: Callable[[], None],
    ) -> "AsyncGrpcCall":
        """Send a batch; see `AsyncTransport`."""
        attempt = Attempt(self._endpoint, timeout_s, authorization)
        wire = join_request(contents, ask.spec_fields, ask.request_fields)
        return AsyncGrpcCall(self._call(wire, authorization, timeout_s, on_done), wire, attempt)

    async def call(
        self, request: BatchAnalyzeRequest, authorization: str | None, *, timeout_s: float
    ) -> BatchAnalyzeResponse:
        """Send a request as it is; see `AsyncTransport`."""
        attempt = Attempt(self._endpoint, timeout_s, authorization)
        call = self._call(request.SerializeToString(), authorization, timeout_s)
        try:
            return parse_response(await call, request)
        except grpc.RpcError as error:
            attempt.fail(translate(cast("Failure", error), attempt), error)
        except asyncio.CancelledError:
            _raise_if_closed(call, self._endpoint)
            raise

    async def aclose(self) -> None:
        """Close the channels."""
        for channel in self._channels.close():
            await channel.close()

    def _call(
        self, wire: bytes, authorization: str | None, timeout_s: float, on_done: Callable[[], None] | None = None
    ) -> "_Call":
        metadata = metadata_of(authorization, self._headers)
        lane = self._channels.take()
        try:
            call = lane.method(wire, timeout=min(timeout_s, LONGEST_S), metadata=metadata)
        except grpc.aio.UsageError as error:
            self._channels.leave(lane)
            raise not_started(self._endpoint) from error
        except BaseException:
            self._channels.leave(lane)
            raise

        def end(_: object) -> None:
            self._channels.leave(lane)
            if on_done is not None:
                on_done()

        call.add_done_callback(end)
        return call


class AsyncGrpcCall:
    """A batch under way on a channel."""

    def __init__(self, call: "_Call", wire: bytes, attempt: Attempt) -> None:
        self._call = call
        self._wire = wire
        self._attempt = attempt

    async def answer(self) -> Answer:
        """Return the answer; see `AsyncCall`."""
        try:
            wire = await self._call
            metadata = await self._call.initial_metadata()
        except grpc.RpcError as error:
            self._attempt.fail(translate(cast("Failure", error), self._attempt), error)
        except asyncio.CancelledError:
            _raise_if_closed(self._call, self._attempt.endpoint)
            raise
        return read_answer(wire, metadata, self._attempt)

    def contents(self) -> Sequence[bytes]:
        """Return the images again, cut out of the request."""
        return split_request(self._wire)

    def cancel(self) -> None:
        """Tell the server that nobody waits any more."""
        self._call.cancel()


def _raise_if_closed(call: "_Call", endpoint: Endpoint) -> None:
    """Tell a call that was cancelled by closing the channel from a task that is being cancelled.

    gRPC raises CancelledError for both; the first would look to the caller as if somebody had cancelled it.
    """
    task = asyncio.current_task()
    if call.cancelled() and not (task is not None and task.cancelling()):
        message = f"the call to {endpoint.target} was cancelled: the client was closed"
        raise TransportError(message) from None


def _open(endpoint: Endpoint, tls: Tls) -> grpc.aio.Channel:
    if endpoint.plaintext:
        return grpc.aio.insecure_channel(endpoint.target, options=options_of(endpoint, tls))
    return grpc.aio.secure_channel(endpoint.target, credentials_of(tls), options=options_of(endpoint, tls))
