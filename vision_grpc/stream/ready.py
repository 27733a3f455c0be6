"""Batches that are ready to be sent."""

from collections import deque
from collections.abc import Callable, Iterator

from vision_grpc.stream.batch import Batch
from vision_grpc.stream.batch_size import BatchSize


class Ready(deque[Batch]):
    """A queue: the first batch is the next to leave."""

    def pop_late(self, is_late: Callable[[Batch], bool], *, in_turn: bool) -> Iterator[Batch]:
        """Yield the batches that come too late.

        Only the first one can, unless they take turns to look for a service that is away: then they are not in the
        order of their deadlines.
        """
        while self and is_late(self[0]):
            yield self.popleft()
        for _ in range(len(self) if in_turn else 0):
            batch = self.popleft()
            if is_late(batch):
                yield batch
            else:
                self.append(batch)

    def cut_first(self, size: BatchSize) -> None:
        """Cut the first batch until it is not larger than what is sent."""
        while self and not size.fits(len(self[0].entries), self[0].content_bytes):
            self.extendleft(reversed(self.popleft().halves()))
