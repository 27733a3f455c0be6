"""The service over gRPC, for threads."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn, Protocol, cast

import grpc
from google.protobuf.message import DecodeError

from vision_grpc.codec.batch_wire import join_request, split_request
from vision_grpc.codec.request import Ask
from vision_grpc.contract.method import METHOD_PATH, Headers, check_result_count
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.network.attempt import Attempt, not_started
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.results import Answer
from vision_grpc.transport.grpc.channels import Channels
from vision_grpc.transport.grpc.peer import (
    LONGEST_S,
    Failure,
    close_channels,
    metadata_of,
    open_channel,
    read_answer,
    translate,
)

if TYPE_CHECKING:
    _Method = grpc.UnaryUnaryMultiCallable[bytes, bytes]


class _Future(Failure, Protocol):
    """What gRPC returns for a call that is under way; its own types keep the class private."""

    def add_done_callback(self, callback: Callable[[object], None], /) -> None: ...
    def cancel(self) -> object: ...
    def result(self) -> bytes: ...


class GrpcTransport:
    """As many channels to the service as the calls need that are under way at once."""

    def __init__(self, endpoint: Endpoint, tls: Tls, *, headers: Headers = ()) -> None:
        self._endpoint = endpoint
        self._headers = headers
        self._closed = False

        def open_method() -> "tuple[grpc.Channel, _Method]":
            channel = open_channel(endpoint, tls)
            # Requests and answers stay bytes: an answer that gRPC cannot parse looks like a broken connection.
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
    ) -> "GrpcCall":
        """Send a batch; see `Transport`."""
        attempt = Attempt(self._endpoint, timeout_s, authorization)
        wire = join_request(contents, ask.spec_fields, ask.request_fields)
        metadata = metadata_of(authorization, self._headers)
        lane = self._channels.take()
        try:
            future = lane.method.future(wire, timeout=min(timeout_s, LONGEST_S), metadata=metadata)
        except ValueError as error:
            self._channels.leave(lane)
            self._refuse(error)
        except BaseException:
            self._channels.leave(lane)
            raise

        def end(_: object) -> None:
            self._channels.leave(lane)
            on_done()

        call = GrpcCall(future, wire, attempt)
        future.add_done_callback(end)
        return call

    def call(
        self, request: BatchAnalyzeRequest, authorization: str | None, *, timeout_s: float
    ) -> BatchAnalyzeResponse:
        """Send a request as it is; see `Transport`."""
        attempt = Attempt(self._endpoint, timeout_s, authorization)
        metadata = metadata_of(authorization, self._headers)
        lane = self._channels.take()
        try:
            wire = lane.method(request.SerializeToString(), timeout=min(timeout_s, LONGEST_S), metadata=metadata)
        except ValueError as error:
            self._refuse(error)
        except grpc.RpcError as error:
            attempt.fail(translate(cast("Failure", error), attempt), error)
        finally:
            self._channels.leave(lane)
        return parse_response(wire, request)

    def close(self) -> None:
        """Close the channels."""
        self._closed = True
        close_channels(self._channels.close())

    def _refuse(self, error: ValueError) -> NoReturn:
        """Raise for a call that was not started. To gRPC, that the channel is closed is a mistake in an argument."""
        if not self._closed:
            raise error
        raise not_started(self._endpoint) from error


class GrpcCall:
    """A batch under way on a channel."""

    def __init__(self, future: _Future, wire: bytes, attempt: Attempt) -> None:
        self._future = future
        self._wire = wire
        self._attempt = attempt

    def answer(self) -> Answer:
        """Return the answer; see `Call`."""
        try:
            wire = self._future.result()
        except grpc.RpcError as error:
            self._attempt.fail(translate(cast("Failure", error), self._attempt), error)
        except grpc.FutureCancelledError as error:
            # gRPC raises this for the status CANCELLED too, whoever it is from.
            self._attempt.fail(translate(self._future, self._attempt), error)
        return read_answer(wire, self._future.initial_metadata(), self._attempt)

    def contents(self) -> Sequence[bytes]:
        """Return the images again, cut out of the request."""
        return split_request(self._wire)

    def cancel(self) -> None:
        """Tell the server that nobody waits any more."""
        self._future.cancel()


def parse_response(wire: bytes, request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
    """Return the message.

    Raises:
        ProtocolError: the bytes are none, or its results are not as many as the request's specs.
    """
    try:
        response = BatchAnalyzeResponse.FromString(wire)
    except DecodeError as error:
        message = f"the answer's {len(wire)} bytes are no BatchAnalyzeResponse"
        raise ProtocolError(message) from error
    check_result_count(request, response)
    return response
