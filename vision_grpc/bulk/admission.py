"""Which images of the sources a run sends: not those that are done, and no two under one key."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

from vision_grpc.bulk.keys import KeyTable
from vision_grpc.bulk.progress import Progress
from vision_grpc.errors import Advice, Code
from vision_grpc.results import ImageError
from vision_grpc.sources.item import Entry, Fault, Item, Skipped
from vision_grpc.texts.quoting import quote_name


class Place(NamedTuple):
    """Where images come from, as it is called in messages, and what is there."""

    name: str
    entries: Iterable[Entry]


class Recorded(Protocol):
    """What earlier runs have recorded: a key that is in it is done."""

    def __len__(self) -> int: ...
    def __contains__(self, key: str, /) -> bool: ...

    def is_read(self, key: str) -> bool:
        """Return whether the image of a key that is done was read; else it failed for good."""
        ...


class Admission:
    """Passes the images on that are to be sent, and counts the others.

    `open_recorded` is called with the first image, and returns what earlier runs have recorded. `on_image` is called
    with the key of each image, done or not, in the order of the sources. `is_listed` says that the images are counted
    already.
    """

    def __init__(
        self,
        places: Iterable[Place],
        open_recorded: Callable[[], Recorded | None],
        progress: Progress,
        on_fault: Callable[[Fault], None],
        *,
        on_image: Callable[[str], object] | None = None,
        is_listed: bool = False,
    ) -> None:
        self._places = places
        self._is_listed = is_listed
        self._open_recorded = open_recorded
        self._progress = progress
        self._on_fault = on_fault
        self._on_image = on_image
        self._keys = KeyTable()
        self._listed = 0
        # Where the images of each place begin, among those of all.
        self._firsts: list[int] = []
        self._names: list[str] = []

    def items(self) -> Iterator[Item]:
        """Yield the images that are to be sent."""
        progress, keys = self._progress, self._keys
        recorded: Recorded | None = None
        for name, entries in self._places:
            self._firsts.append(self._listed)
            self._names.append(name)
            for entry in entries:
                if isinstance(entry, Item):
                    if self._listed == 0 and not (recorded := self._open_recorded()):
                        recorded = None  # Nothing is looked up in vain.
                    first = keys.add(entry.key, self._listed)
                    self._listed += 1
                    if first is not None:
                        self._report(Fault(entry.key, self._describe_second(entry, first)))
                        continue
                    if self._on_image is not None:
                        self._on_image(entry.key)
                    if recorded is not None and entry.key in recorded:
                        progress.done_before(ok=recorded.is_read(entry.key))
                    else:
                        if not self._is_listed:
                            progress.listed()
                        yield entry
                elif isinstance(entry, Skipped):
                    progress.skip(entry)
                else:
                    self._report(entry)
        progress.listing_ended()

    def _report(self, fault: Fault) -> None:
        self._progress.fault(fault)
        self._on_fault(fault)

    def _describe_second(self, item: Item, first: int) -> ImageError:
        before, now = self._origin_of(first), self._origin_of(self._listed - 1)
        where = f"twice in {now[0]}" if before[0] == now[0] else f"in {before[0]} and in {now[0]}"
        problem = (
            f"{quote_name(item.key)}: there are two images of this key {where} (numbers {before[1]:,} and {now[1]:,} "
            "there), the second is left out"
        )
        return ImageError.advised(Code.ALREADY_EXISTS, problem, _advise_on_keys(item))

    def _origin_of(self, number: int) -> tuple[str, int]:
        """Return the quoted name of the place of an image, and its number there, from 1."""
        place = bisect_right(self._firsts, number) - 1
        return quote_name(self._names[place]), number - self._firsts[place] + 1


def _advise_on_keys(item: Item) -> tuple[Advice, ...]:
    """Return how an image gets a key that is alone: in a container, keys may say more."""
    if item.place is None:
        return (Advice("name each image once"),)
    is_row = item.place.partition("#page=")[0].rpartition("#")[2].startswith("row=")
    return (Advice("set", "key_column", '"row-number"') if is_row else Advice("set", "member_keys", '"path"'),)
