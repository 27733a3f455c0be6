"""gRPC first, REST where it does not get through: two transports that look like one."""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from vision_grpc.core.path import Path
from vision_grpc.core.requests import Ask
from vision_grpc.errors import PathError, ReroutedError, ServiceError, TransportError
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.results import Answer
from vision_grpc.transport import AsyncCall, AsyncTransport, Call, Transport


class FallbackTransport:
    """For threads. A batch that gRPC could not carry fails with `ReroutedError`: sent again, it goes by REST."""

    def __init__(self, grpc: Transport, open_rest: Callable[[], Transport]) -> None:
        self._path = Path()
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
        if self._path.takes_grpc(time.monotonic()):
            call = self._grpc.start(contents, ask, authorization, timeout_s=timeout_s, on_done=on_done)
            return _GrpcCall(call, self._path)
        call = self._other().start(contents, ask, authorization, timeout_s=timeout_s, on_done=on_done)
        return _RestCall(call, self._path)

    def call(
        self, request: BatchAnalyzeRequest, authorization: str | None, *, timeout_s: float
    ) -> BatchAnalyzeResponse:
        """Send a request as it is; see `Transport`."""
        deadline = time.monotonic() + timeout_s
        if self._path.takes_grpc(time.monotonic()):
            try:
                response = self._grpc.call(request, authorization, timeout_s=timeout_s)
            except PathError as error:
                self._path.closed(error, time.monotonic())
            else:
                self._path.open()
                return response
        with _watched(self._path):
            return self._other().call(request, authorization, timeout_s=max(0.0, deadline - time.monotonic()))

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

    def __init__(self, grpc: AsyncTransport, open_rest: Callable[[], AsyncTransport]) -> None:
        self._path = Path()
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
        if self._path.takes_grpc(time.monotonic()):
            call = self._grpc.start(contents, ask, authorization, timeout_s=timeout_s, on_done=on_done)
            return _AsyncGrpcCall(call, self._path)
        call = self._other().start(contents, ask, authorization, timeout_s=timeout_s, on_done=on_done)
        return _AsyncRestCall(call, self._path)

    async def call(
        self, request: BatchAnalyzeRequest, authorization: str | None, *, timeout_s: float
    ) -> BatchAnalyzeResponse:
        """Send a request as it is; see `AsyncTransport`."""
        deadline = time.monotonic() + timeout_s
        if self._path.takes_grpc(time.monotonic()):
            try:
                response = await self._grpc.call(request, authorization, timeout_s=timeout_s)
            except PathError as error:
                self._path.closed(error, time.monotonic())
            else:
                self._path.open()
                return response
        with _watched(self._path):
            return await self._other().call(request, authorization, timeout_s=max(0.0, deadline - time.monotonic()))

    async def aclose(self) -> None:
        """Close both."""
        await self._grpc.aclose()
        if self._rest is not None:
            await self._rest.aclose()

    def _other(self) -> AsyncTransport:
        if self._rest is None:
            self._rest = self._open_rest()
        return self._rest


def _told(path: Path, error: PathError | ServiceError | None) -> None:
    """Let the path know how a call over gRPC ended.

    Raises:
        ReroutedError: it did not get through.
    """
    if isinstance(error, PathError):
        path.closed(error, time.monotonic())
        raise ReroutedError(str(error)) from error
    path.open()


@contextmanager
def _watched(path: Path) -> Generator[None]:
    """Let the path know whether a call over REST gets through."""
    try:
        yield
    except TransportError:
        path.other_failed(time.monotonic())
        raise
    path.other_worked()


class _GrpcCall:
    def __init__(self, call: Call, path: Path) -> None:
        self._call = call
        self._path = path
        self.contents = call.contents
        self.cancel = call.cancel

    def answer(self) -> Answer:
        try:
            answer = self._call.answer()
        except (PathError, ServiceError) as error:
            _told(self._path, error)
            raise
        _told(self._path, None)
        return answer


class _RestCall:
    def __init__(self, call: Call, path: Path) -> None:
        self._call = call
        self._path = path
        self.contents = call.contents
        self.cancel = call.cancel

    def answer(self) -> Answer:
        with _watched(self._path):
            return self._call.answer()._replace(fallback_reason=self._path.reason)


class _AsyncGrpcCall:
    def __init__(self, call: AsyncCall, path: Path) -> None:
        self._call = call
        self._path = path
        self.contents = call.contents
        self.cancel = call.cancel

    async def answer(self) -> Answer:
        try:
            answer = await self._call.answer()
        except (PathError, ServiceError) as error:
            _told(self._path, error)
            raise
        _told(self._path, None)
        return answer


class _AsyncRestCall:
    def __init__(self, call: AsyncCall, path: Path) -> None:
        self._call = call
        self._path = path
        self.contents = call.contents
        self.cancel = call.cancel

    async def answer(self) -> Answer:
        with _watched(self._path):
            return (await self._call.answer())._replace(fallback_reason=self._path.reason)
