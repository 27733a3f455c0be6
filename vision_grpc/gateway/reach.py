"""Whether the backend is reached, as the latest calls say."""

from vision_grpc.errors import Code
from vision_grpc.events import CallEnded, Event


class Reach:
    """Sees the events of the client that calls the backend. Thread-safe: what it knows is one value."""

    def __init__(self) -> None:
        self.trouble: str | None = "it was not called yet"
        """Why calls would fail now, None if the backend answered the latest one."""

    def note(self, event: Event) -> None:
        """Take note of an event. A call that merely took long says nothing."""
        if not isinstance(event, CallEnded):
            return
        if event.code is Code.UNAVAILABLE:
            self.trouble = event.message
        elif event.transport is not None:
            self.trouble = None
