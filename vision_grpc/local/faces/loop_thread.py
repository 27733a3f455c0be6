"""An event loop in a thread of its own."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from vision_grpc.local.errors import LocalServiceError
from vision_grpc.threads import start_thread

_T = TypeVar("_T")

FACES_THREAD = "vision-faces"
"""The name of the thread, which the records that it logs have."""


class LoopThread:
    """A running event loop. No process waits for its thread when it ends.

    Raises:
        LocalServiceError: the system has no descriptor left for it.
        MachineError: the system has no thread left.
    """

    def __init__(self) -> None:
        try:
            self._loop = asyncio.SelectorEventLoop()
        except OSError as error:
            message = f"the service cannot start: {error.strerror}"
            raise LocalServiceError(message) from error
        try:
            self._thread = start_thread(self._run, FACES_THREAD)
        except BaseException:
            self._loop.close()
            raise

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Return the result of a coroutine that runs on the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def call(self, work: Callable[[], _T]) -> _T:
        """Return the result of a function that runs on the loop."""

        async def run() -> _T:
            return work()

        return self.run(run())

    def stop(self) -> None:
        """End the loop and its thread; what still runs on it is cancelled."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._cancel_all()
            self._loop.close()

    def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=1))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
