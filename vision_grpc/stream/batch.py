"""Images on their way, whatever becomes of them."""

from collections.abc import Sequence

Place = tuple[int, str, int]
"""Position, key and size of an image: what its result needs."""


class Batch:
    """Images that travel together, and what befell them so far."""

    __slots__ = (
        "attempts",
        "authorization",
        "content_bytes",
        "contents",
        "deadline",
        "failures",
        "is_cut_short",
        "last_fault",
        "overdue_at",
        "places",
        "refreshed",
        "refused",
        "sent_at",
        "unreached",
    )

    def __init__(self, places: Sequence[Place], contents: Sequence[bytes]) -> None:
        self.places = places
        self.contents = contents
        self.content_bytes = sum([size for _, _, size in places])
        self.deadline: float | None = None
        # All attempts, and those of them that the policy does not count.
        self.attempts = self.unreached = 0
        self.failures = 0
        self.last_fault = ""
        self.authorization: str | None = None
        self.refused: str | None = None
        self.refreshed = False
        self.is_cut_short = False
        self.sent_at = self.overdue_at = 0.0

    def part(self, numbers: Sequence[int]) -> "Batch":
        """Return a batch of some of the images, with the same past."""
        part = Batch([self.places[number] for number in numbers], [self.contents[number] for number in numbers])
        part.deadline, part.refreshed = self.deadline, self.refreshed
        part.attempts, part.unreached, part.failures = self.attempts, self.unreached, self.failures
        part.last_fault = self.last_fault
        return part
