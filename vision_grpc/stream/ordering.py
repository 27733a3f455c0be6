"""Results in the order in which their images came."""

from operator import itemgetter
from typing import Generic, TypeVar

_ItemT = TypeVar("_ItemT")


class Sequencer(Generic[_ItemT]):
    """Holds back what comes too early."""

    def __init__(self) -> None:
        self._next = 0
        self._early: dict[int, _ItemT] = {}

    def __len__(self) -> int:
        return len(self._early)

    def add(self, position: int, item: _ItemT) -> list[_ItemT]:
        """Take the item of a position; return all that can go on now, in order."""
        self._early[position] = item
        due: list[_ItemT] = []
        while self._next in self._early:
            due.append(self._early.pop(self._next))
            self._next += 1
        return due

    def flush(self) -> list[_ItemT]:
        """Return what is still held back, in order: what it waited for does not come."""
        early, self._early = self._early, {}
        return [item for _, item in sorted(early.items(), key=itemgetter(0))]
