"""What a stream knows about its source."""

from vision_grpc.stream.batching import Group
from vision_grpc.stream.effects import Pull

LINGER_S = 0.2
"""How long a batch that a slow source fills waits for more images while other calls are in flight."""

PATIENCE_S = 0.01
"""How long it waits while none is, if the source has been quick so far."""


class Intake:
    """The images that were asked for and that have come."""

    def __init__(self) -> None:
        self.taken: int = 0
        """How many have come."""
        self.wanted: int = 0
        """How many were asked for by a `Pull` that is not answered."""
        self.asked_at: float = 0.0
        """When the last `Pull` was made."""
        self.is_slow: bool = False
        """Whether the last answer brought less than was wanted."""
        self.is_over: bool = False
        """Whether no more images come, or are wanted."""

    def ask(self, images: int, now: float) -> Pull:
        """Return the `Pull` for at most so many images."""
        self.wanted, self.asked_at = images, now
        return Pull(images)

    def came(self, images: int, *, exhausted: bool) -> None:
        """Take that a `Pull` was answered with so many images."""
        self.taken += images
        self.is_slow = images < self.wanted
        self.wanted = 0
        self.is_over = self.is_over or exhausted

    def patient_until(self, group: Group, *, is_idle: bool) -> float:
        """Return until when a group waits for more images; nothing is in flight when the stream is idle."""
        if self.wanted and not self.is_slow:  # The rest may come at any moment.
            return self.asked_at + (PATIENCE_S if is_idle else LINGER_S)
        return group.since + (0.0 if is_idle else LINGER_S)
