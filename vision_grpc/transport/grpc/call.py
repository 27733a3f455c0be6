"""A gRPC call under way, on whichever kind of channel."""

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar, cast

import grpc

from vision_grpc.api.api import Api
from vision_grpc.codec.stream_wire import join_stream
from vision_grpc.errors import DeadlineError, RequestTooLargeError, ServiceError, TransportError
from vision_grpc.messages import Status
from vision_grpc.network.attempt import Attempt
from vision_grpc.results import Answer
from vision_grpc.transport.grpc.exchange import Failure, read_answer, translate

_T = TypeVar("_T")


class CallUnderWay(Failure, Protocol):
    """What gRPC returns for a call that is under way; its own types keep the class private."""

    def add_done_callback(self, callback: Callable[[object], None], /) -> object:
        """Let a function be called when the call is done."""
        ...

    def cancel(self) -> object:
        """End the call."""
        ...

    def result(self) -> bytes:
        """Return the answer of a call that is done, or raise gRPC's error."""
        ...


class StreamUnderWay(CallUnderWay, Protocol):
    """A call that is answered by a stream of messages; its result is what `join_stream` makes of them."""

    messages: list[bytes]
    """Those that have come."""


class GrpcCall(Generic[_T]):
    """A call under way; see `Call`."""

    def __init__(
        self, call: CallUnderWay, attempt: Attempt, is_silent: Callable[[], bool], read: Callable[[bytes], _T]
    ) -> None:
        """`is_silent` says whether nothing comes by gRPC any more."""
        self._call = call
        self._attempt = attempt
        self._is_silent = is_silent
        self._read = read

    def answer(self) -> _T:
        """Return the answer; see `Call`."""
        try:
            wire = self._call.result()
        except grpc.RpcError as error:
            return self._fail(cast("Failure", error), error)
        except grpc.FutureCancelledError as error:
            # gRPC raises this for the status CANCELLED too, also where the server sent it.
            return self._fail(self._call, error)
        return self._read(wire)

    def cancel(self) -> None:
        """Cancel the call at the server too."""
        self._call.cancel()

    def _fail(self, failure: Failure, cause: BaseException) -> _T:
        error = translate(failure, self._attempt)
        if isinstance(error, DeadlineError):
            error.silent = self._is_silent()
        self._attempt.fail(error, cause)


class GrpcBatchCall(GrpcCall[Answer]):
    """A batch under way; see `BatchCall`."""

    def __init__(
        self, call: CallUnderWay, wire: bytes, attempt: Attempt, is_silent: Callable[[], bool], api: Api
    ) -> None:
        def read(answer: bytes) -> Answer:
            return read_answer(answer, call.initial_metadata(), attempt, api)

        super().__init__(call, attempt, is_silent, read)
        self._wire = wire
        self._split = api.split_request

    def contents(self) -> Sequence[bytes]:
        """Return the images again, cut out of the request."""
        return self._split(self._wire)


class GrpcStreamCall(GrpcBatchCall):
    """A batch that is answered by a stream: what ends it after some messages is a part of the answer."""

    def __init__(
        self, call: StreamUnderWay, wire: bytes, attempt: Attempt, is_silent: Callable[[], bool], api: Api
    ) -> None:
        super().__init__(call, wire, attempt, is_silent, api)
        self._messages = call.messages

    def _fail(self, failure: Failure, cause: BaseException) -> Answer:
        try:
            return super()._fail(failure, cause)
        except (ServiceError, TransportError) as error:
            if not self._messages or isinstance(error, RequestTooLargeError):
                raise
            said = (error.message, error.details) if isinstance(error, ServiceError) else (str(error), ())
            status = Status(code=error.code, message=said[0], details=said[1])
            answer = self._read(join_stream(self._messages, status))
            if not answer.outcomes:  # There is no page in the messages.
                raise
            return answer
