"""The client for an event loop: `VisionClient` with the same methods, awaited."""

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from types import TracebackType
from typing import Self

from vision_grpc.codec.request import Ask
from vision_grpc.contract.rules import validate
from vision_grpc.errors import ServiceError, VisionError
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.results import ImageResult
from vision_grpc.session.calls import AsyncCalls
from vision_grpc.session.session import Session, single
from vision_grpc.sources.feeder import feed
from vision_grpc.sources.files import ImageSource, check_many
from vision_grpc.stream.effects import Emit, Finish, Forget, Pull, Send
from vision_grpc.stream.run import Plan, Run
from vision_grpc.stream.verdict import Verdict, judge
from vision_grpc.transport import AsyncTransport
from vision_grpc.transport.connect import connect_async


class AsyncVisionClient(Session[AsyncTransport]):
    """A connection to the Vision service for one event loop, the one of its first call."""

    _transport: AsyncTransport | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    async def analyze(
        self,
        image: ImageSource,
        *,
        languages: Sequence[str] = ("*",),
        model: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - bounds attempts and waits, each of which it shortens
    ) -> ImageResult:
        """Return the text of one image; see `VisionClient.analyze`."""
        stream = self._stream([image], self._ask(languages, model), self._plan(timeout_s=timeout))
        return single([result async for result in stream])

    def analyze_many(
        self,
        images: Iterable[ImageSource] | AsyncIterable[ImageSource],
        *,
        languages: Sequence[str] = ("*",),
        model: str = "",
        ordered: bool = False,
    ) -> AsyncIterator[ImageResult]:
        """Return an asynchronous iterator over one result per image; see `VisionClient.analyze_many`.

        `images` may be an ordinary iterable, pulled in a thread of its own up to 2 MiB ahead, or an
        asynchronous one, which stays open when the stream ends before it. Leaving the iterator early
        stops sending at once when it is closed: `contextlib.aclosing` does.
        """
        check_many(images)
        return self._stream(images, self._ask(languages, model), self._plan(ordered=ordered))

    async def batch_analyze(
        self,
        request: BatchAnalyzeRequest,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the transport keeps it, and tells the service
    ) -> BatchAnalyzeResponse:
        """Return the service's answer to a request of your own making; see `VisionClient.batch_analyze`."""
        validate(request)
        deadline = self._deadline_in(self._timeouts.call_s if timeout is None else timeout)
        authorization = await self._authorization(deadline)
        try:
            return await self._call(request, authorization, deadline)
        except ServiceError as error:
            if authorization is None or judge(error) is not Verdict.REFRESH:
                raise
        return await self._call(request, await self._authorization(deadline, refused=authorization), deadline)

    async def aclose(self) -> None:
        """End the connection; calls under way fail. Closing again does nothing."""
        self._closed = True
        transport, self._transport = self._transport or self._own_transport, None
        if transport is not None:
            await transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _stream(
        self, images: Iterable[ImageSource] | AsyncIterable[ImageSource], ask: Ask, plan: Plan
    ) -> AsyncIterator[ImageResult]:
        run = self._run(plan)
        awake = asyncio.Event()
        calls = AsyncCalls(run, awake.set)
        feeder = feed(images, plan.limits, awake.set)
        try:
            while not isinstance(effect := run.next(time.monotonic()), Finish):
                if isinstance(effect, Emit):
                    for result in effect.results:
                        yield result
                elif isinstance(effect, Send):
                    await self._start(run, effect, ask, calls)
                elif isinstance(effect, Pull):
                    feeder.want(effect.images)
                elif isinstance(effect, Forget):
                    calls.forget(effect)
                else:
                    await _wait(awake, effect.until)
                if feeder.has_news:
                    run.pulled(feeder.take(), exhausted=feeder.exhausted)
                await calls.harvest()
        except Exception as error:
            run.abandoned(error, feeder.left())
            raise
        finally:
            calls.cancel()
            run.closed(time.monotonic())
            await feeder.aclose()
        if feeder.error is not None:
            raise feeder.error

    async def _start(self, run: Run, send: Send, ask: Ask, calls: AsyncCalls) -> None:
        deadline = time.monotonic() + send.timeout_s
        try:
            authorization = await self._authorization(deadline, refused=send.refused)
            now = time.monotonic()
            run.authorized(send.call_id, authorization, now)
            # The call has what the token left of the time.
            send = send._replace(timeout_s=max(0.0, deadline - now))
            calls.start(self._connection(), send, ask, authorization)
        except VisionError as error:
            run.unauthorized(send.call_id, error, time.monotonic())

    async def _authorization(self, deadline: float, *, refused: str | None = None) -> str | None:
        timeout_s = max(0.0, deadline - time.monotonic())
        return await self._settings.credentials.authorization_async(refused=refused, timeout_s=timeout_s)

    async def _call(
        self, request: BatchAnalyzeRequest, authorization: str | None, deadline: float
    ) -> BatchAnalyzeResponse:
        return await self._connection().call(request, authorization, timeout_s=max(0.0, deadline - time.monotonic()))

    def _connection(self) -> AsyncTransport:
        self._check_open()
        loop = asyncio.get_running_loop()
        if self._transport is None:
            settings, calls = self._settings, self._limits.calls_in_flight
            self._transport = self._own_transport or connect_async(
                settings.transport, settings.endpoint, settings.tls, calls=calls, headers=settings.headers
            )
        if self._loop is None:
            self._loop = loop
        if self._loop is not loop:
            message = "this AsyncVisionClient belongs to another event loop: make one for each loop"
            raise RuntimeError(message)
        return self._transport


async def _wait(awake: asyncio.Event, until: float | None) -> None:
    """Sleep until something happens, or until a time."""
    timer = None
    if until is not None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(max(0.0, until - time.monotonic()), awake.set)
    try:
        await awake.wait()
    finally:
        if timer is not None:
            timer.cancel()
    awake.clear()
