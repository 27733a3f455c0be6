"""The calls of one stream that are under way: started as its run wants, and told to it when they are done."""

import queue
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import TIMEOUT_MAX

from vision_grpc.codec.request import Ask
from vision_grpc.errors import VisionError
from vision_grpc.stream.effects import Forget, Send
from vision_grpc.stream.run import Run
from vision_grpc.transport import AsyncCall, AsyncTransport, Call, Transport


class Calls:
    """For threads."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._calls: dict[int, Call] = {}
        self._done: queue.SimpleQueue[int] = queue.SimpleQueue()

    def start(self, transport: Transport, send: Send, ask: Ask, authorization: str | None) -> None:
        """Send a batch."""
        on_done = partial(self._done.put, send.call_id)
        call = transport.start(send.contents, ask, authorization, timeout_s=send.timeout_s, on_done=on_done)
        self._calls[send.call_id] = call

    def wait(self, until: float | None) -> None:
        """Wait for the next call that is done, at most until a time (monotonic seconds), and tell of it."""
        timeout_s = None if until is None else min(max(0.0, until - time.monotonic()), TIMEOUT_MAX)
        with suppress(queue.Empty):
            self._tell(self._done.get(timeout=timeout_s))

    def harvest(self) -> None:
        """Tell of all that are done."""
        while not self._done.empty():
            self._tell(self._done.get())

    def forget(self, forget: Forget) -> None:
        """Give a call up, without touching what may hold it up."""
        call = self._calls.pop(forget.call_id)
        self._run.forgotten(forget.call_id, time.monotonic(), call.contents)

    def cancel(self) -> None:
        """Give up what is under way."""
        for call in self._calls.values():
            call.cancel()

    def _tell(self, call_id: int) -> None:
        call = self._calls.pop(call_id, None)
        if call is None:  # It was given up.
            return
        try:
            answer = call.answer()
        except VisionError as error:
            self._run.failed(call_id, error, time.monotonic(), call.contents)
        else:
            self._run.succeeded(call_id, answer, time.monotonic(), call.contents)


class AsyncCalls:
    """For an event loop."""

    def __init__(self, run: Run, on_done: Callable[[], None]) -> None:
        self._run = run
        self._on_done = on_done
        self._calls: dict[int, AsyncCall] = {}
        self._done: deque[int] = deque()

    def start(self, transport: AsyncTransport, send: Send, ask: Ask, authorization: str | None) -> None:
        """Send a batch."""
        call_id = send.call_id  # Of the rest, nothing is kept: it holds the images.

        def on_done() -> None:
            self._done.append(call_id)
            self._on_done()

        self._calls[call_id] = transport.start(
            send.contents, ask, authorization, timeout_s=send.timeout_s, on_done=on_done
        )

    async def harvest(self) -> None:
        """Tell of all that are done."""
        while self._done:
            call_id = self._done.popleft()
            call = self._calls.pop(call_id, None)
            if call is None:  # It was given up.
                continue
            try:
                answer = await call.answer()
            except VisionError as error:
                self._run.failed(call_id, error, time.monotonic(), call.contents)
            else:
                self._run.succeeded(call_id, answer, time.monotonic(), call.contents)

    def forget(self, forget: Forget) -> None:
        """Give a call up, without touching what may hold it up."""
        call = self._calls.pop(forget.call_id)
        self._run.forgotten(forget.call_id, time.monotonic(), call.contents)

    def cancel(self) -> None:
        """Give up what is under way."""
        for call in self._calls.values():
            call.cancel()
