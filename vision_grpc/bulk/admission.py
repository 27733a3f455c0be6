"""Which images of the sources a run sends: not those that are done, and no two under one key."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from vision_grpc.bulk.keys import KeyTable
from vision_grpc.bulk.progress import Progress
from vision_grpc.errors import Advice, Code
from vision_grpc.results import ImageError
from vision_grpc.sources.item import Entry, Fault, Item, Skipped
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from vision_grpc.bulk.journal import Recorded


class Place(NamedTuple):
    """Where images come from, as it is called in messages, and what is there."""

    name: str
    entries: Iterable[Entry]


class Admission:
    """Passes the images on that are to be sent, and counts the others.

    `open_recorded` is called with the first image, and returns what earlier runs have recorded. `on_image` is called
    with the key of each image, done or not, in the order of the sources. `is_listed` says that the images are counted
    already.
    """

    def __init__(
        self,
        places: Iterable[Place],
        open_recorded: "Callable[[], Recorded | None]",
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
        self._recorded: Recorded | None = None
        self._keys = KeyTable()
        self._listed = 0
        self._stretches: list[_Stretch] = []

    def items(self) -> Iterator[Item]:
        """Yield the images that are to be sent."""
        for name, entries in self._places:
            self._stretches.append(_Stretch(self._listed, name))
            for entry in entries:
                if isinstance(entry, Item):
                    if self._is_to_be_sent(entry):
                        yield entry
                elif isinstance(entry, Skipped):
                    self._progress.skip(entry)
                else:
                    self._report(entry)
        self._progress.listing_ended()

    def _is_to_be_sent(self, item: Item) -> bool:
        """Count an image, and return whether it is neither done nor the second one of its key."""
        if self._listed == 0:
            self._recorded = self._open_recorded() or None  # In what is empty, nothing is looked up.
        if not self._is_first(item):
            return False
        if self._on_image is not None:
            self._on_image(item.key)
        if self._recorded is not None and item.key in self._recorded:
            self._progress.done_before(ok=self._recorded.is_read(item.key))
            return False
        if not self._is_listed:
            self._progress.listed()
        return True

    def _report(self, fault: Fault) -> None:
        self._progress.fault(fault)
        self._on_fault(fault)

    def _is_first(self, item: Item) -> bool:
        """Count an image, and return whether no image before it has its key; else that is reported."""
        number, stretch = self._listed, self._stretches[-1]
        if item.origin is not None and not stretch.takes(number, line := item.origin.number):
            self._stretches.append(_Stretch(number, stretch.name, line, line))
        first = self._keys.add(item.key, number)
        self._listed += 1
        if first is not None:
            self._report(Fault(item.key, self._describe_second(item, first)))
        return first is None

    def _describe_second(self, item: Item, first: int) -> ImageError:
        here, there = self._stretch_of(self._listed - 1), self._stretch_of(first)
        where = here.describe(self._listed - 1)
        before = there.describe(first, names_place=here.name != there.name)
        problem = f"{quote_name(item.key)}: two images have this key, {before} and {where}; the second is left out"
        return ImageError.advised(Code.ALREADY_EXISTS, problem, _advise_on_keys(item))

    def _stretch_of(self, number: int) -> "_Stretch":
        return self._stretches[bisect_right(self._stretches, number, key=lambda stretch: stretch.first) - 1]


@dataclass(slots=True)
class _Stretch:
    """Images in a row that are of one place; in a list, on lines in a row, of which the last may have several.

    A list of files is one stretch but for its empty lines.
    """

    first: int
    """The number of its first image, among those of all places."""

    name: str
    first_line: int | None = None
    """The line of its first image, None where images are not named in lines."""

    last_line: int = 0

    def takes(self, number: int, line: int) -> bool:
        """Return whether the next image, which has this number and line, belongs here; then it is counted."""
        if number == self.first:
            self.first_line = self.last_line = line
            return True
        is_a_line_each = self.first_line is not None and self.first_line + number - self.first == self.last_line + 1
        if line != self.last_line and not (is_a_line_each and line == self.last_line + 1):
            return False
        self.last_line = line
        return True

    def describe(self, number: int, *, names_place: bool = True) -> str:
        """Return where an image is, in words."""
        of = f" of {quote_name(self.name)}" if names_place else ""
        if self.first_line is None:
            return f"number {number - self.first + 1:,}{of}"
        return f"line {min(self.first_line + number - self.first, self.last_line):,}{of}"


def _advise_on_keys(item: Item) -> tuple[Advice, ...]:
    """Return how an image gets a key that is alone: in a container, keys may say more."""
    if item.place is None:
        return (Advice("name each image once"),)
    if item.place == item.key:
        return (Advice("read each file once, and leave out the copy if a file has it twice"),)
    is_row = item.place.partition("#page=")[0].rpartition("#")[2].startswith("row=")
    return (Advice("set", "key_column", '"row-number"') if is_row else Advice("set", "member_keys", '"path"'),)
