"""Images that travel together: before, during and after an attempt to send them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Entry = tuple[int, str, int]
"""Position, key and size in bytes of an image: what its result needs."""


class History(NamedTuple):
    """What happened to the images of a batch so far."""

    deadline: float | None = None
    """When they must have their results (monotonic seconds); None before the first attempt."""
    attempts: int = 0
    unreached: int = 0
    """The attempts that did not reach the service, so that the policy does not count them."""
    failures: int = 0
    """Retries so far, for the backoff."""
    last_fault: str = ""
    refused: str | None = None
    """The authorization that the service refused, for the next attempt to have another."""
    is_refreshed: bool = False
    """Whether the authorization was replaced once: that is not done again."""

    def __repr__(self) -> str:
        # Without the secret.
        return f"History(deadline={self.deadline}, attempts={self.attempts}, last_fault={self.last_fault!r})"


class Batch:
    """Images that wait to be sent. It does not change: what happens to it makes another one."""

    __slots__ = ("content_bytes", "contents", "entries", "history")

    def __init__(self, entries: Sequence[Entry], contents: Sequence[bytes], history: History = History()) -> None:  # noqa: B008 - immutable
        self.entries = entries
        self.contents = contents
        self.history = history
        self.content_bytes = sum([size for _, _, size in entries])

    def part(self, numbers: Sequence[int]) -> "Batch":
        """Return a batch of some of the images, with the same history."""
        entries = [self.entries[number] for number in numbers]
        return Batch(entries, [self.contents[number] for number in numbers], self.history)

    def halves(self) -> tuple["Batch", "Batch"]:
        """Return the batch in two parts, in order; it has more than one image."""
        numbers = range(len(self.entries))
        middle = len(numbers) // 2
        return self.part(numbers[:middle]), self.part(numbers[middle:])


@dataclass(slots=True)
class SentBatch:
    """One attempt: a batch under way. Its contents are kept by the sender."""

    entries: Sequence[Entry]
    content_bytes: int
    history: History
    """As it was before this attempt."""
    sent_at: float
    overdue_at: float
    """When the call is waited for no longer."""
    is_cut_short: bool
    """Whether earlier attempts left this one less time than a call has."""
    authorization: str | None = field(default=None, repr=False)
