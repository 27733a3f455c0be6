"""Images that are listed before they are needed, so that a run knows how many there are."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from vision_grpc.sources.item import Item

MOST = 10_000
"""How many images are listed ahead: they take 5 MB."""
_PATIENCE_S = 0.2


def list_ahead(items: Iterable[Item], clock: Callable[[], float]) -> Iterator[Item]:
    """Yield the images; some thousands are listed at a time, fewer where that takes long.

    An image that passes is the last to be listed before it is yielded.
    """
    source = iter(items)
    listed: deque[Item] = deque()
    while True:
        until = clock() + _PATIENCE_S
        for item in source:
            listed.append(item)
            if item.is_passing or len(listed) >= MOST or clock() > until:
                break
        if not listed:
            return
        while listed:
            yield listed.popleft()
