"""Batches that wait for their next attempt."""

import heapq
from collections.abc import Iterator
from itertools import count

from vision_grpc.stream.batch import Batch


class Delayed:
    """Batches by the time at which they are due."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Batch]] = []
        self._numbers = count()  # Of two that are due at the same time, the earlier one comes first.

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[Batch]:
        return (batch for _, _, batch in self._heap)

    def add(self, due_at: float, batch: Batch) -> None:
        """Keep a batch back until a time (monotonic seconds)."""
        heapq.heappush(self._heap, (due_at, next(self._numbers), batch))

    @property
    def due_at(self) -> float | None:
        """When the next batch is due; None when no batch waits."""
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> Iterator[Batch]:
        """Yield the batches that are due, the earliest first."""
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[2]
