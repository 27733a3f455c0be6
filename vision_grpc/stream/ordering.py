"""Results in the order in which their images came."""

from operator import itemgetter
from typing import Generic, TypeVar

_ItemT = TypeVar("_ItemT")


class Sequencer(Generic[_ItemT]):
    """Holds back the items that come too early."""

    def __init__(self) -> None:
        self._next = 0
        self._early: dict[int, _ItemT] = {}

    def __len__(self) -> int:
        return len(self._early)

    def add(self, position: int, item: _ItemT) -> list[_ItemT]:
        """Take the item of a position; return all items that are next in order, possibly none."""
        self._early[position] = item
        due: list[_ItemT] = []
        while self._next in self._early:
            due.append(self._early.pop(self._next))
            self._next += 1
        return due

    def flush(self) -> list[_ItemT]:
        """Return the items that are still held back, in order: those before them will not come."""
        early, self._early = self._early, {}
        return [item for _, item in sorted(early.items(), key=itemgetter(0))]
