"""Images that are sent together: as they wait to be sent, and during a call."""

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple, TypeAlias

Entry: TypeAlias = tuple[int, str, int]
"""Position, key and size in bytes of an image: what its result needs.

A plain tuple: a named one for each image would double what these values add to the cost of a stream.
"""

Config: TypeAlias = Hashable
"""What images have to share to be sent together: what is asked about them. None is what the stream asks about most."""


class History(NamedTuple):
    """What has happened so far to images that are sent together."""

    attempts: int = 0
    free: int = 0
    """Attempts that cost the service nothing."""
    missed_at: float = math.inf
    """When the service was last found to be away."""
    retries: int = 0
    """Waits for a further attempt."""
    last_fault: str = ""
    was_unreadable: bool = False
    """Whether an answer for them could not be read."""
    is_refreshed: bool = False
    """Whether a token has been replaced for them: that is done once."""
    deadline: float | None = None
    """When they must have their results (monotonic seconds); None before the first attempt."""
    call_id: int | None = None
    """The call of the last attempt."""

    def failed(self, fault: str, *, is_free: bool = False, is_unreadable: bool = False) -> "History":
        """Return the history after one more attempt, a failed one."""
        return self._replace(
            attempts=self.attempts + 1,
            free=self.free + is_free,
            last_fault=fault,
            was_unreadable=self.was_unreadable or is_unreadable,
        )

    def why_not_again(self, asked_s: float | None, now: float) -> str:
        """Return what to add to an error after which the service wants a longer wait than there is time."""
        if asked_s is None or self.deadline is None or now + asked_s < self.deadline:
            return ""
        left = f"the time is over in {self.deadline - now:.3g} s"
        return f"; not sent again: the service asks for a wait of {asked_s:.15g} s, and {left}"

    def why_late(self, waiting: str = "") -> str:
        """Return why there is no further attempt, where none can leave in time; `waiting` says for what it waited."""
        last = f"; the last one: {self.last_fault}" if self.last_fault else ""
        return f"no attempt can leave before the deadline for all attempts{waiting}{last}"


_NEW = History()


class Batch(NamedTuple):
    """Images that wait for their next attempt."""

    entries: Sequence[Entry]
    contents: Sequence[bytes]
    content_bytes: int
    history: History = _NEW
    refused: str | None = None
    """The authorization of the last attempt, if the service refused it."""
    config: Config = None

    def __repr__(self) -> str:
        # Neither images nor a secret.
        return f"Batch({len(self.entries)} images, {self.history})"

    def part(self, numbers: Sequence[int]) -> "Batch":
        """Return a batch of some of the images, with the same history."""
        entries = [self.entries[number] for number in numbers]
        contents = [self.contents[number] for number in numbers]
        content_bytes = sum([size for _, _, size in entries])
        return Batch(entries, contents, content_bytes, self.history, self.refused, self.config)

    def halves(self) -> tuple["Batch", "Batch"]:
        """Return the batch in two parts, in order; it has more than one image."""
        numbers = range(len(self.entries))
        middle = len(numbers) // 2
        return self.part(numbers[:middle]), self.part(numbers[middle:])


class Attempt(NamedTuple):
    """One call for the images of a batch. The call has their bytes, the attempt does not."""

    entries: Sequence[Entry]
    content_bytes: int
    history: History
    sent_at: float
    overdue_at: float
    """When the stream stops waiting for the call."""
    is_cut_short: bool
    """Whether earlier attempts left this one less time than a first attempt has."""
    config: Config
    authorization: str | None = None

    def __repr__(self) -> str:
        # Without the secret.
        return f"Attempt({len(self.entries)} images, {self.history}, sent_at={self.sent_at})"

    @property
    def number(self) -> int:
        """1 for the first sending of the images."""
        return self.history.attempts + 1

    def authorized(self, authorization: str | None, now: float) -> "Attempt":
        """Return the attempt as it leaves, with its authorization."""
        entries, content_bytes, history, _, overdue_at, is_cut_short, config, _ = self
        return Attempt(entries, content_bytes, history, now, overdue_at, is_cut_short, config, authorization)

    def batch(self, contents: Sequence[bytes], history: History, refused: str | None = None) -> Batch:
        """Return the batch to send again."""
        return Batch(self.entries, contents, self.content_bytes, history, refused, self.config)
