"""Permits of the quota that a client shares with others, fetched in a thread as its streams want them."""

import asyncio
import atexit
import time
from collections.abc import Coroutine, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from threading import RLock
from typing import cast
from weakref import WeakSet

from vision_grpc.errors import AdvisedError, TransportError
from vision_grpc.quota import Grant, Quota
from vision_grpc.session.monitor import Monitor
from vision_grpc.session.process import Process
from vision_grpc.stream.permits import Permits, Question
from vision_grpc.texts.arguments import check_any_number, check_count, check_number, wrong_type
from vision_grpc.threads import DaemonThreads, start_thread

# The thread of a client that wants nothing any more, and may have been dropped without being closed, ends.
_IDLE_S = 5.0
# A quota is far if the way to it and back takes this part of the time between two requests.
_FAR = 0.25


class QuotaFeed:
    """Asks a quota what the streams of a client want, one question at a time, in a thread that runs while they do."""

    def __init__(self, quota: Quota, monitor: Monitor) -> None:
        self.permits: Permits = Permits(self._ask)
        self._quota = quota
        self._monitor = monitor
        self._process = Process()
        # Reentrant: garbage collection or a signal handler may call this in the same thread.
        self._lock = RLock()
        self._asked: SimpleQueue[None] = SimpleQueue()
        self._is_running = self._is_ending = False

    def close(self) -> None:
        """Let the streams that wait for a permit end, and end what is asked."""
        _LEFT_AT_EXIT.discard(self)
        self.permits.end(_closed)
        self._quota.close()
        self._monitor.quota_left()

    async def aclose(self) -> None:
        """Do what `close` does, without blocking the event loop."""
        self.permits.end(_closed)
        threads = DaemonThreads("vision-grpc close")
        closed = asyncio.wrap_future(threads.submit(self.close))
        threads.end()
        await closed

    def close_at_exit(self) -> None:
        """End what is asked, as the process ends; nobody is to hear of that."""
        if self._process.is_this:
            self._is_ending = True
            self._quota.close()

    def _ask(self) -> None:
        """Let the thread look what is wanted.

        Raises:
            MachineError: the system has no thread left, or the interpreter is ending.
        """
        with self._lock:
            self._asked.put(None)
            if not self._is_running:
                _LEFT_AT_EXIT.add(self)
                start_thread(self._work, "vision-grpc quota")

    def _work(self) -> None:
        # Said here: an interrupt may end `start_thread` after the thread has begun.
        with self._lock:
            if self._is_running:
                return
            self._is_running = True
        while self._is_wanted():
            while not self._is_ending and (question := self.permits.question(time.monotonic())) is not None:
                self._fetch(question)

    def _is_wanted(self) -> bool:
        """Wait until something may be wanted; return False where nothing is for long, and the thread ends."""
        try:
            self._asked.get(timeout=_IDLE_S)
        except Empty:
            with self._lock:
                self._is_running = not self._asked.empty()
                return self._is_running
        return True

    def _fetch(self, question: Question) -> None:
        asked_at = time.monotonic()
        try:
            grant = _check(self._quota.reserve(*question), question)
        except BaseException as error:  # noqa: BLE001 - raised where a permit is waited for
            if not self._is_ending:
                self.permits.failed(partial(_failed, error))
            return
        now = time.monotonic()
        self._monitor.quota_granted(grant.requests_per_s, is_alone=grant.is_alone)
        images = question.images if grant.images is None else grant.images
        times = [now + wait_s for wait_s in grant.waits_s]
        is_late = not grant.waits_s[0] and (now - asked_at) * grant.requests_per_s > _FAR
        self.permits.granted(times, images, grant.requests_per_s, is_most=images < question.images, is_late=is_late)


def _check(grant: object, question: Question) -> Grant:
    """Return what a quota has granted."""
    if isinstance(grant, Coroutine):
        grant.close()
        message = "reserve() is asynchronous, must be a method that returns a Grant"
        raise TypeError(message)
    if not isinstance(grant, Grant):
        raise wrong_type(grant, "what reserve() returned", "a Grant of vision_grpc.quota")
    if not isinstance(cast("object", grant.waits_s), Sequence):
        raise wrong_type(grant.waits_s, "Grant.waits_s", "a sequence of seconds")
    most = question.requests
    if not 1 <= len(grant.waits_s) <= most:
        message = f"Grant.waits_s is of {len(grant.waits_s)} requests, must be of 1 to {most}: so many were asked for"
        raise ValueError(message)
    for wait_s in grant.waits_s:
        check_number("a wait in Grant.waits_s", wait_s, may_be_0=True)
    if check_any_number("Grant.requests_per_s", grant.requests_per_s, "requests a second") < 0:
        message = f"Grant.requests_per_s is {grant.requests_per_s}, must be at least 0"
        raise ValueError(message)
    if grant.images is not None and not 1 <= check_count("Grant.images", grant.images) <= question.images:
        message = f"Grant.images is {grant.images}, must be 1 to {question.images}: so many were asked for"
        raise ValueError(message)
    return grant


def _failed(error: BaseException) -> TransportError:
    if isinstance(error, AdvisedError):
        failure = TransportError(f"the quota gives no permit: {error.problem}", advice=error.advice)
    else:
        failure = TransportError(f"the quota gives no permit: {type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure


def _closed() -> TransportError:
    return TransportError("the call was not started: the client is closed")


_LEFT_AT_EXIT: WeakSet[QuotaFeed] = WeakSet()


@atexit.register
def _end_questions() -> None:
    """End what is asked while the threads still run that take part, as those of gRPC do."""
    for feed in list(_LEFT_AT_EXIT):
        feed.close_at_exit()
