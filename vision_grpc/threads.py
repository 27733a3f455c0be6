"""Threads for work that may block, which no process waits for when it ends, and what a fork makes of them."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar
from weakref import WeakSet

from vision_grpc.errors import Advice, MachineError

_T = TypeVar("_T")

MORE_THREADS = Advice("end some, or raise the limit (ulimit -u, or that of the container)")


class DaemonThreads:
    """Threads that do jobs in the order in which they were submitted, one job a thread at a time.

    The threads of a ThreadPoolExecutor are waited for when the process ends, and what blocks in the network, on a
    pipe or in the OCR may do so for long. Measured: 25 processes that ended while two threads were recognising text
    ended at once and cleanly.

    Raises:
        MachineError: the system has no thread left, or the interpreter is ending.
    """

    def __init__(self, name: str, *, count: int = 1) -> None:
        # Not a Queue: garbage collection may run a finalizer in the middle of a put, and that may put something too.
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._count = 0
        try:
            for _ in range(count):
                start_thread(partial(_work, self._jobs), name)
                self._count += 1
        except MachineError:
            self.end()
            raise

    def submit(self, job: Callable[[], _T]) -> Future[_T]:
        """Return the future of what the job returns or raises; it cannot be cancelled, and never ends after `end`."""
        future: Future[_T] = Future()
        future.set_running_or_notify_cancel()
        self._jobs.put((future, job))
        return future

    def end(self) -> None:
        """Let the threads end after the jobs that were submitted before."""
        for _ in range(self._count):
            self._jobs.put(None)


def start_thread(work: Callable[[], object], name: str) -> Thread:
    """Start a thread that no process waits for, and return it.

    Raises:
        MachineError: the system has no thread left, or the interpreter is ending.
    """
    if sys.is_finalizing():  # Python 3.11 would wait for ever for the thread to begin.
        message = "no thread can be started: the interpreter is ending"
        raise MachineError(message)
    thread = Thread(target=work, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise no_thread(error) from error
    return thread


def no_thread(error: RuntimeError) -> MachineError:
    """Return what to raise for an error of `Thread.start`.

    Raises:
        KeyboardInterrupt: it came as the new thread was waited for, and became this error on its way.
    """
    if isinstance(error.__context__, KeyboardInterrupt):
        raise error.__context__ from None
    return MachineError(f"this machine has no thread left for this process ({error})", advice=[MORE_THREADS])


class Forkable(Protocol):
    """What has locks or threads, and may be used in a forked child."""

    def forked(self) -> None:
        """Begin anew in a forked child: its parent's threads are not there, and the locks that they hold stay taken."""
        ...


def begin_anew_in_children(each: Forkable) -> None:
    """Let each forked child call `forked` of an object before anything else."""
    _FORKABLE.add(each)


_FORKABLE: WeakSet[Forkable] = WeakSet()


def _mend_after_fork() -> None:
    for each in _FORKABLE:
        each.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_mend_after_fork)


def settle(future: Future[_T], job: Callable[[], _T]) -> None:
    """Do a job, and let a future have what it returns or raises."""
    try:
        result = job()
    except BaseException as error:  # noqa: BLE001 - raised again by the future
        future.set_exception(error)
    else:
        future.set_result(result)
    # The traceback of an error holds this frame.
    del future, job


def _work(jobs: "SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]") -> None:
    while _do_next(jobs):
        pass


def _do_next(jobs: "SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]") -> bool:
    """Do the next job and forget it and its result, for both hold images; return whether there was one."""
    if (item := jobs.get()) is None:
        return False
    future, job = item
    settle(future, job)
    # The traceback of an error holds this frame.
    del item, future, job
    return True
