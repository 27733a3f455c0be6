"""A batch under way in a task of the event loop."""

import asyncio
from collections.abc import Sequence

from vision_grpc.errors import TransportError
from vision_grpc.results import Answer


class TaskCall:
    """The task's answer; see `AsyncCall`."""

    def __init__(self, contents: Sequence[bytes], task: "asyncio.Task[Answer]") -> None:
        self._contents = contents
        self._task = task

    async def answer(self) -> Answer:
        """Return the answer; see `AsyncCall`."""
        try:
            return await self._task
        except asyncio.CancelledError as error:
            if not self._task.cancelled():
                raise
            message = "the call was cancelled: the client was closed"
            raise TransportError(message) from error

    def contents(self) -> Sequence[bytes]:
        """Return the images again; see `AsyncCall`."""
        return self._contents

    def cancel(self) -> None:
        """End the task, and the connection that it uses."""
        self._task.cancel()
