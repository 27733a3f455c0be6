"""The calls of one stream that are under way: started as its run wants, and reported to it when they are done."""

import atexit
import queue
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING

from vision_grpc.api.api import Api
from vision_grpc.errors import VisionError
from vision_grpc.network.deadline import Deadline
from vision_grpc.session.methods import Methods
from vision_grpc.session.process import Process
from vision_grpc.session.stop import Stop
from vision_grpc.stream.effects import Fetch, Forget, Send
from vision_grpc.stream.run import Run
from vision_grpc.transport import BatchCall, Transport

if TYPE_CHECKING:
    from vision_grpc.session.recorder import Recorder

_ENDED_WITHIN_S = 1.0
_GLANCE_S = 0.001
_NO_CALL = 0


class Calls:
    """The calls under way of one stream; `on_done` is called, from any thread, after each that is done.

    It is called too when `stop` is asked for, and by `wake`.
    """

    def __init__(
        self,
        run: Run,
        methods: Methods,
        on_done: Callable[[], None] | None = None,
        stop: Stop | None = None,
    ) -> None:
        self._run = run
        self._methods = methods
        self._on_done = on_done
        self._stop = stop
        self._calls: dict[int, BatchCall] = {}
        self._done: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._is_woken = False
        self._process = Process()
        if on_done is None:  # Else an event loop has to run.
            _LEFT_AT_EXIT.add(self)
        run.place.wake = self.wake
        if stop is not None:
            stop.wakes(self, self.wake)

    def api_of(self, effect: Send | Fetch) -> Api:
        """Return the method that carries an effect out."""
        return self._methods.api_of(effect)

    def start(self, transport: Transport, effect: Send | Fetch, authorization: str | None, deadline: Deadline) -> None:
        """Send a batch, or a question about an operation."""
        # Of the effect, only the id is kept: the rest holds the images.
        on_done = partial(self._finish, effect.call_id)
        template = self._methods.template_of(effect)
        self._calls[effect.call_id] = transport.start(effect.contents, template, authorization, deadline, on_done)

    def wake(self) -> None:
        """End a `wait` in another thread, or the next one."""
        if not self._is_woken:
            self._is_woken = True
            self._finish(_NO_CALL)

    def wait(self, until: float | None) -> None:
        """Wait for the next call that is done, or a `wake`, at most until a time (monotonic seconds), and report it."""
        timeout_s = None if until is None else min(max(0.0, until - time.monotonic()), TIMEOUT_MAX)
        with suppress(queue.Empty):
            self._report(self._done.get(timeout=timeout_s))

    def harvest(self) -> None:
        """Report all that are done, and the stop; see `check_stream`, for the source or a hook may have forked."""
        self.check_stream()
        while not self._done.empty():
            self._report(self._done.get())
        # After the reports: a hook may ask for it as a call ends, so that its images are not sent again.
        if self._stop is not None and self._stop.is_asked:
            self._run.stop()

    def forget(self, forget: Forget) -> None:
        """Give a call up, without touching what may hold it up."""
        call = self._calls.pop(forget.call_id)
        self._run.forgotten(forget.call_id, time.monotonic(), call.contents)

    def check_stream(self) -> None:
        """Raise RuntimeError where the stream cannot go on: in a forked child, or as the interpreter ends."""
        self._process.check_stream()

    def close(self) -> None:
        """Give up what is under way, and report it."""
        _LEFT_AT_EXIT.discard(self)  # In a forked child too: it would keep the images.
        if self._stop is not None:
            self._stop.wakes_no_longer(self)
        if self._process.has_threads:
            self._run.stop()
            try:
                while not self._done.empty():
                    self._report(self._done.get())  # What was accepted, above all.
            finally:
                self._cancel()
                self._run.closed(time.monotonic())

    def end(self, until: float) -> None:
        """Give up what is under way and wait for its end, at most until a time (monotonic seconds)."""
        _LEFT_AT_EXIT.discard(self)
        if self._process.has_threads:
            self._cancel()
            while len(self._calls) > self._done.qsize() - self._is_woken and time.monotonic() < until:
                time.sleep(_GLANCE_S)

    def _cancel(self) -> None:
        for call in list(self._calls.values()):  # At exit, another thread may still start some.
            call.cancel()

    def _finish(self, call_id: int) -> None:
        self._done.put(call_id)
        if self._on_done is not None:
            self._on_done()

    def _report(self, call_id: int) -> None:
        if call_id == _NO_CALL:
            self._is_woken = False
            return
        call = self._calls.pop(call_id, None)
        if call is None:  # It was given up.
            return
        try:
            answer = call.answer()
        except VisionError as error:
            self._run.failed(call_id, error, time.monotonic(), call.contents)
        else:
            self._run.succeeded(call_id, answer, time.monotonic(), call.contents)


def end(calls: Calls, recorder: "Recorder | None") -> None:
    """Give up what is under way in a stream; what has come is recorded, which nothing waits for."""
    try:
        calls.close()
    finally:
        if recorder is not None:
            recorder.close()


_LEFT_AT_EXIT: set[Calls] = set()


@atexit.register
def _end_calls() -> None:
    """End the calls of unfinished streams while the threads still run that take part.

    The finalizer of a call of gRPC takes a lock of gRPC's thread, which may never be released once that has stopped.
    """
    until = time.monotonic() + _ENDED_WITHIN_S
    for calls in list(_LEFT_AT_EXIT):
        calls.end(until)
