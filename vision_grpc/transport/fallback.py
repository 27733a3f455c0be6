"""gRPC first, REST where it does not get through: two transports that look like one."""

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from vision_grpc.codec.request import Ask
from vision_grpc.errors import PathError, ProtocolError, ReroutedError, ServiceError, TransportError, VisionError
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.results import Answer
from vision_grpc.transport import AsyncCall, AsyncTransport, Call, Transport
from vision_grpc.transport.detour import Path

Clock = Callable[[], float]


class FallbackTransport:
    """For threads. A batch that gRPC could not carry fails with `ReroutedError`: sent again, it goes by REST."""

    def __init__(self, grpc: Transport, open_rest: Callable[[], Transport], *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._path = Path()
        self._over_grpc = _OverGrpc(self._path, clock)
        self._over_rest = _OverRest(self._path, clock)
        self._grpc = grpc
        self._open_rest = open_rest
        self._rest: Transport | None = None
        self._opening = threading.Lock()

    def start(
        self,
        contents: Sequence[bytes],
        ask: Ask,
        authorization: str | None,
        *,
        timeout_s: float,
        on_done: Callable[[], None],
    ) -> Call:
        """Send a batch; see `Transport`."""
        reason = self._path.detour(self._clock())
        transport, watch = (self._grpc, self._over_grpc) if reason is None else (self._other(), self._over_rest)
        call = transport.start(contents, ask, authorization, timeout_s=timeout_s, on_done=on_done)
        return _Call(call, watch, reason)

    def call(
        self, request: BatchAnalyzeRequest, authorization: str | None, *, timeout_s: float
    ) -> BatchAnalyzeResponse:
        """Send a request as it is; see `Transport`."""
        deadline = self._clock() + timeout_s
        if self._path.detour(self._clock()) is None:
            try:
                with self._over_grpc:
                    return self._grpc.call(request, authorization, timeout_s=timeout_s)
            except ReroutedError:
                pass
        with self._over_rest:
            return self._other().call(request, authorization, timeout_s=max(0.0, deadline - self._clock()))

    def close(self) -> None:
        """Close both."""
        self._grpc.close()
        if self._rest is not None:
            self._rest.close()

    def _other(self) -> Transport:
        with self._opening:
            if self._rest is None:
                self._rest = self._open_rest()
            return self._rest


class AsyncFallbackTransport:
    """For an event loop; as `FallbackTransport`."""

    def __init__(
        self, grpc: AsyncTransport, open_rest: Callable[[], AsyncTransport], *, clock: Clock = time.monotonic
    ) -> None:
        self._clock = clock
        self._path = Path()
        self._over_grpc = _OverGrpc(self._path, clock)
        self._over_rest = _OverRest(self._path, clock)
        self._grpc = grpc
        self._open_rest = open_rest
        self._rest: AsyncTransport | None = None

    def start(
        self,
        contents: Sequence[bytes],
        ask: Ask,
        authorization: str | None,
        *,
        timeout_s: float,
        on_done: Callable[[], None],
    ) -> AsyncCall:
        """Send a batch; see `AsyncTransport`."""
        reason = self._path.detour(self._clock())
        transport, watch = (self._grpc, self._over_grpc) if reason is None else (self._other(), self._over_rest)
        call = transport.start(contents, ask, authorization, timeout_s=timeout_s, on_done=on_done)
        return _AsyncCall(call, watch, reason)

    async def call(
        self, request: BatchAnalyzeRequest, authorization: str | None, *, timeout_s: float
    ) -> BatchAnalyzeResponse:
        """Send a request as it is; see `AsyncTransport`."""
        deadline = self._clock() + timeout_s
        if self._path.detour(self._clock()) is None:
            try:
                with self._over_grpc:
                    return await self._grpc.call(request, authorization, timeout_s=timeout_s)
            except ReroutedError:
                pass
        with self._over_rest:
            return await self._other().call(request, authorization, timeout_s=max(0.0, deadline - self._clock()))

    async def aclose(self) -> None:
        """Close both."""
        await self._grpc.aclose()
        if self._rest is not None:
            await self._rest.aclose()

    def _other(self) -> AsyncTransport:
        if self._rest is None:
            self._rest = self._open_rest()
        return self._rest


class _OverGrpc:
    """A context in which a call over gRPC ends: it lets the path know how, for any number of calls.

    Raises:
        ReroutedError: the call did not get through.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, PathError):
            self._path.closed(error, self._clock())
            raise ReroutedError(str(error)) from error
        if error is None or isinstance(error, ServiceError | ProtocolError):
            self._path.open()


class _OverRest:
    """A context in which a call over REST ends: it lets the path know how, for any number of calls."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, TransportError):
            self._path.other_failed(self._clock())
        elif error is None or isinstance(error, ServiceError):
            self._path.other_worked()


class _Explained:
    """A context in which a call ends: an error says why the call took REST, if it did."""

    def __init__(self, reason: str | None) -> None:
        self._reason = reason

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, VisionError):
            error.fallback_reason = self._reason


class _Call:
    def __init__(self, call: Call, watch: _OverGrpc | _OverRest, reason: str | None) -> None:
        self._call = call
        self._watch = watch
        self._reason = reason
        self.contents = call.contents
        self.cancel = call.cancel

    def answer(self) -> Answer:
        with self._watch, _Explained(self._reason):
            answer = self._call.answer()
        return answer if self._reason is None else answer._replace(fallback_reason=self._reason)


class _AsyncCall:
    def __init__(self, call: AsyncCall, watch: _OverGrpc | _OverRest, reason: str | None) -> None:
        self._call = call
        self._watch = watch
        self._reason = reason
        self.contents = call.contents
        self.cancel = call.cancel

    async def answer(self) -> Answer:
        with self._watch, _Explained(self._reason):
            answer = await self._call.answer()
        return answer if self._reason is None else answer._replace(fallback_reason=self._reason)
