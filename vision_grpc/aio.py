"""The client for an event loop: `VisionClient` with the same methods, awaited."""

import asyncio
import os
import random
import time
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from types import TracebackType
from typing import Self

from vision_grpc.auth import Credentials
from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.core.monitor import Monitor, Stats
from vision_grpc.core.requests import Ask, ask_for_text
from vision_grpc.core.retry import RetryBudget
from vision_grpc.core.rules import validate
from vision_grpc.core.run import Emit, Finish, Plan, Pull, Run, Send
from vision_grpc.core.throttle import Throttle
from vision_grpc.core.verdict import Verdict, judge
from vision_grpc.discovery import ApiEndpoints
from vision_grpc.errors import ServiceError, VisionError
from vision_grpc.events import Event
from vision_grpc.feeder import Feeder
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.results import ImageResult
from vision_grpc.settings import Settings
from vision_grpc.sources import ImageSource, check_many
from vision_grpc.transport import AsyncCall, AsyncTransport
from vision_grpc.transport.connect import TransportChoice, connect_async
from vision_grpc.transport.tls import Pem


class AsyncVisionClient:
    """A connection to the Vision service for one event loop, the one of its first call.

    Arguments and defaults are those of `VisionClient`.

    Raises:
        ValueError: an argument is malformed, or a secret would travel in plaintext.
        AuthError: there are no credentials.
    """

    def __init__(
        self,
        endpoint: str | ApiEndpoints | None = None,
        *,
        transport: TransportChoice | AsyncTransport | None = None,
        credentials: Credentials | None = None,
        folder_id: str | None = None,
        root_certificates: Pem | None = None,
        client_certificate: tuple[Pem, Pem] | None = None,
        server_name: str | None = None,
        insecure: bool = False,
        data_logging: bool | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._settings = Settings.resolve(
            os.environ,
            endpoint=endpoint,
            transport=transport,
            credentials=credentials,
            folder_id=folder_id,
            root_certificates=root_certificates,
            insecure=insecure,
            client_certificate=client_certificate,
            server_name=server_name,
            data_logging=data_logging,
        )
        self._limits = limits
        self._retry = retry
        self._timeouts = timeouts
        self._monitor = Monitor(on_event)
        self._throttle = Throttle(limits)
        self._budget = RetryBudget(retry)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._transport: AsyncTransport | None = None if isinstance(transport, str) else transport
        self._closed = False

    async def analyze(
        self,
        image: ImageSource,
        *,
        languages: Sequence[str] = ("*",),
        model: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - bounds attempts and waits, each of which it shortens
    ) -> ImageResult:
        """Return the text of one image; see `VisionClient.analyze`."""
        ask = ask_for_text(languages, model, self._settings.folder_id)
        deadline = None if timeout is None else time.monotonic() + timeout
        plan = Plan(self._limits, self._retry, self._timeouts, deadline=deadline)
        [result] = [result async for result in self._stream([image], ask, plan)]
        if result.error is not None and result.error.cause is not None:
            raise result.error.cause
        return result

    def analyze_many(
        self,
        images: Iterable[ImageSource] | AsyncIterable[ImageSource],
        *,
        languages: Sequence[str] = ("*",),
        model: str = "",
        ordered: bool = False,
    ) -> AsyncIterator[ImageResult]:
        """Return an asynchronous iterator over one result per image; see `VisionClient.analyze_many`.

        `images` may be an ordinary iterable, pulled in a thread, or an asynchronous one. Leaving
        the iterator early stops sending at once when it is closed: `contextlib.aclosing` does.
        """
        check_many(images)
        ask = ask_for_text(languages, model, self._settings.folder_id)
        return self._stream(images, ask, Plan(self._limits, self._retry, self._timeouts, ordered))

    async def batch_analyze(
        self,
        request: BatchAnalyzeRequest,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the transport keeps it, and tells the service
    ) -> BatchAnalyzeResponse:
        """Return the service's answer to a request of your own making; see `VisionClient.batch_analyze`."""
        validate(request)
        timeout_s = self._timeouts.call_s if timeout is None else timeout
        deadline = time.monotonic() + timeout_s
        try:
            return await self._call(request, deadline, fresh_token=False)
        except ServiceError as error:
            if judge(error) is not Verdict.REFRESH:
                raise
        return await self._call(request, deadline, fresh_token=True)

    def stats(self) -> Stats:
        """Return what this client has done so far, all streams together."""
        return self._monitor.stats()

    async def aclose(self) -> None:
        """End the connection; calls under way fail. Closing again does nothing."""
        self._closed = True
        transport, self._transport = self._transport, None
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
        run = Run(plan, self._throttle, self._budget, random.Random(), self._monitor)  # noqa: S311 - spreads retries
        awake = asyncio.Event()
        calls = _Calls(awake.set)
        feeder = Feeder(images, plan.limits, awake.set)
        try:
            while not isinstance(effect := run.next(time.monotonic()), Finish):
                if isinstance(effect, Emit):
                    for result in effect.results:
                        yield result
                elif isinstance(effect, Send):
                    deadline = time.monotonic() + effect.timeout_s
                    authorization = await self._settings.credentials.authorization_async(
                        fresh=effect.fresh_token, timeout_s=effect.timeout_s
                    )
                    # The call has what the token left of the time.
                    send = effect._replace(timeout_s=max(0.0, deadline - time.monotonic()))
                    calls.start(self._connection(), send, ask, authorization)
                elif isinstance(effect, Pull):
                    feeder.want(effect.images)
                else:
                    await _wait(awake, effect.until)
                if feeder.has_news:
                    run.pulled(feeder.take(), exhausted=feeder.exhausted)
                await calls.harvest(run)
        except Exception as error:
            run.abandoned(error)
            raise
        finally:
            run.closed()
            calls.cancel()
            await feeder.aclose()
        if feeder.error is not None:
            raise feeder.error

    async def _call(self, request: BatchAnalyzeRequest, deadline: float, *, fresh_token: bool) -> BatchAnalyzeResponse:
        timeout_s = max(0.0, deadline - time.monotonic())
        authorization = await self._settings.credentials.authorization_async(fresh=fresh_token, timeout_s=timeout_s)
        return await self._connection().call(request, authorization, timeout_s=max(0.0, deadline - time.monotonic()))

    def _connection(self) -> AsyncTransport:
        if self._closed:
            message = "the client is closed"
            raise RuntimeError(message)
        loop = asyncio.get_running_loop()
        if self._transport is None:
            settings, calls = self._settings, self._limits.calls_in_flight
            self._transport = connect_async(
                settings.transport, settings.endpoint, settings.tls, calls=calls, headers=settings.headers
            )
        if self._loop is None:
            self._loop = loop
        if self._loop is not loop:
            message = "this AsyncVisionClient belongs to another event loop: make one for each loop"
            raise RuntimeError(message)
        return self._transport


class _Calls:
    """The calls of one stream that are under way."""

    def __init__(self, on_done: Callable[[], None]) -> None:
        self._on_done = on_done
        self._calls: dict[int, AsyncCall] = {}
        self._done: deque[int] = deque()

    def start(self, transport: AsyncTransport, send: Send, ask: Ask, authorization: str | None) -> None:
        def on_done() -> None:
            self._done.append(send.call_id)
            self._on_done()

        self._calls[send.call_id] = transport.start(
            send.contents, ask, authorization, timeout_s=send.timeout_s, on_done=on_done
        )

    async def harvest(self, run: Run) -> None:
        """Tell the run of the calls that are done."""
        while self._done:
            call_id = self._done.popleft()
            try:
                answer = await self._calls.pop(call_id).answer()
            except VisionError as error:
                run.failed(call_id, error, time.monotonic())
            else:
                run.succeeded(call_id, answer, time.monotonic())

    def cancel(self) -> None:
        """Give up what is under way."""
        for call in self._calls.values():
            call.cancel()


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
