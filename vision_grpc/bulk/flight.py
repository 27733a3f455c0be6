"""What of a run is on its way to the service and back."""

from typing import TYPE_CHECKING

from vision_grpc.errors import Code
from vision_grpc.events import CallEnded, CallStarted, Event, OperationAccepted, OperationEnded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Flight:
    """Counts the images in flight and the answers that came. It is the `on_event` of the run's client."""

    def __init__(self) -> None:
        self.images: int = 0
        """Images in calls that have not ended."""
        self.answered: int = 0
        """Images in calls that ended with an answer."""
        self.on_lost: Callable[[Iterable[str]], None] | None = None
        """Called with the keys of a call that has lost its answer, before any of its images is sent again."""
        self.on_accepted: Callable[[str, str], None] | None = None
        """Called with the key and the operation of an image that the service has accepted, before anything else is."""

    def __call__(self, event: Event) -> None:
        """Take note of an event of the client."""
        if isinstance(event, CallStarted):
            self.images += event.images
        elif isinstance(event, CallEnded):
            self.images -= event.images
            if event.code is Code.OK:
                self.answered += event.images
            if event.may_be_billed and self.on_lost is not None:
                self.on_lost(event.keys)
        elif isinstance(event, OperationAccepted):
            self.answered -= 1
            if self.on_accepted is not None:
                self.on_accepted(event.key, event.operation_id)
        elif isinstance(event, OperationEnded):
            self.answered += event.code is Code.OK
