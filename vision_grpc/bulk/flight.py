"""What of a run is on its way to the service and back."""

from typing import TYPE_CHECKING

from vision_grpc.errors import Code
from vision_grpc.events import CallEnded, CallStarted, Event

if TYPE_CHECKING:
    from collections.abc import Callable


class Flight:
    """Counts the images in flight and the answers that were lost. It is the `on_event` of the run's client."""

    def __init__(self) -> None:
        self.images: int = 0
        """Images in calls that have not ended."""
        self.lost: int = 0
        """Images in calls that ended without an answer and may be billed all the same."""
        self.answered: int = 0
        """Images in calls that ended with an answer."""
        self.on_lost: Callable[[int], None] | None = None
        """Called with the images of such a call, before any of them is sent again."""

    def __call__(self, event: Event) -> None:
        """Take note of an event of the client."""
        if isinstance(event, CallStarted):
            self.images += event.images
        elif isinstance(event, CallEnded):
            self.images -= event.images
            if event.code is Code.OK:
                self.answered += event.images
            if event.may_be_billed:
                self.lost += event.images
                if self.on_lost is not None:
                    self.on_lost(event.images)
