"""The calls of a stream that are under way."""

from collections.abc import Iterator

from vision_grpc.stream.batch import SentBatch

OVERDUE_S = 5.0
"""How long after its deadline a call is waited for that does not end by itself, as every call should."""


class Window:
    """Batches under way by the ids of their calls, the oldest first."""

    def __init__(self) -> None:
        self._sent: dict[int, SentBatch] = {}
        self.content_bytes = 0
        """The sum of all."""

    def __len__(self) -> int:
        return len(self._sent)

    def __getitem__(self, call_id: int) -> SentBatch:
        return self._sent[call_id]

    def __iter__(self) -> Iterator[tuple[int, SentBatch]]:
        return iter(self._sent.items())

    def add(self, call_id: int, sent: SentBatch) -> None:
        """Take a batch that leaves."""
        self._sent[call_id] = sent
        self.content_bytes += sent.content_bytes

    def remove(self, call_id: int) -> SentBatch:
        """Return a batch whose call is over, and forget it."""
        sent = self._sent.pop(call_id)
        self.content_bytes -= sent.content_bytes
        return sent

    @property
    def overdue_at(self) -> float | None:
        """When the oldest call is overdue; None when nothing is under way."""
        for sent in self._sent.values():
            return sent.overdue_at
        return None

    def overdue(self, now: float) -> int | None:
        """Return the oldest call if it is overdue: something holds it up that does not know its deadline."""
        if (overdue_at := self.overdue_at) is None or now < overdue_at:
            return None
        call_id = next(iter(self._sent))
        if now > overdue_at + OVERDUE_S:
            # The shell was away, its event loop perhaps held up: it has yet to hear what came meanwhile.
            self._sent[call_id].overdue_at = now + OVERDUE_S
            return None
        return call_id
