"""Images that are listed before they are needed, so that a run knows how many there are."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from vision_grpc.sources.item import Item

MOST = 10_000
"""How many images are listed ahead: they take 5 MB, and up to `MOST_BYTES` where they are in memory."""
MOST_BYTES = 32 * 1_048_576
_PATIENCE_S = 0.2


def list_ahead(items: Iterable[Item], clock: Callable[[], float]) -> Iterator[Item]:
    """Yield the images; some thousands are listed at a time, fewer where that takes long or much memory.

    An image that passes is the last to be listed before it is yielded.
    """
    source = iter(items)
    listed: deque[Item] = deque()
    while True:
        until, held_bytes = clock() + _PATIENCE_S, 0
        for item in source:
            listed.append(item)
            held_bytes += item.held_bytes
            if item.is_passing or len(listed) >= MOST or held_bytes >= MOST_BYTES or clock() > until:
                break
        if not listed:
            return
        while listed:
            yield listed.popleft()
