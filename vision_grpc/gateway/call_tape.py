"""The tape of the gateway, for the images of one call."""

import asyncio
from collections.abc import Sequence

from vision_grpc.gateway.plan import Wish
from vision_grpc.session.errand import await_errand_async
from vision_grpc.session.recorder import Recorder
from vision_grpc.sources.image import Pulled


class CallTape:
    """Looks the images of a call up at the same time, and records what comes of each. It is to be closed."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._records = asyncio.Lock()

    async def look_up(self, wishes: Sequence[Wish]) -> Sequence[Pulled]:
        """Return what the tape has for each, or the image, of whose answer a note is taken."""
        return await await_errand_async(self._recorder.look_up([wish.image for wish in wishes]))

    async def record(self, until: float) -> None:
        """Record the answers that have come, while somebody waits for them until a time (monotonic seconds)."""
        async with self._records:  # An answer that another image takes along is recorded when this ends, too.
            if self._recorder.has_new:
                self._recorder.deadline = until
                await await_errand_async(self._recorder.record())

    def close(self) -> None:
        """Let its threads end."""
        self._recorder.close()
