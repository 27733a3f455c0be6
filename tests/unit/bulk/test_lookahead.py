"""How far images are listed before they are needed."""

from collections.abc import Iterator

from vision_grpc.bulk.lookahead import MOST, MOST_BYTES, list_ahead
from vision_grpc.sources.item import Item


class Listing:
    """Images, counted as they are listed; each takes so many seconds of a clock."""

    def __init__(self, count: int, *, takes_s: float = 0.0, passing: int = -1, held_bytes: int = 0) -> None:
        self._count = count
        self._takes_s = takes_s
        self._passing = passing
        self._held_bytes = held_bytes
        self.now = 0.0
        self.listed = 0
        self.has_ended = False

    def __iter__(self) -> Iterator[Item]:
        for number in range(self._count):
            self.listed += 1
            self.now += self._takes_s
            yield Item(str(number), lambda _: b"", held_bytes=self._held_bytes, is_passing=number == self._passing)
        self.has_ended = True

    def clock(self) -> float:
        return self.now


def test_all_images_come_in_their_order() -> None:
    for count in (0, 1, 2, MOST, MOST + 1, 2 * MOST + 1):
        listing = Listing(count)
        assert [item.key for item in list_ahead(listing, listing.clock)] == [str(number) for number in range(count)]
        assert listing.has_ended


def test_a_quick_source_is_listed_to_its_end() -> None:
    listing = Listing(100)
    next(list_ahead(listing, listing.clock))
    assert (listing.listed, listing.has_ended) == (100, True)


def test_memory_is_bounded() -> None:
    listing = Listing(3 * MOST)
    images = list_ahead(listing, listing.clock)
    for number in range(3 * MOST):
        assert next(images).key == str(number)
        assert listing.listed <= number + MOST


def test_images_that_are_in_memory_are_listed_up_to_some_megabytes() -> None:
    listing = Listing(100, held_bytes=MOST_BYTES // 3)
    images = list_ahead(listing, listing.clock)
    for _ in range(3):
        next(images)
        assert listing.listed == 4


def test_a_slow_source_does_not_hold_up_the_first_image() -> None:
    listing = Listing(100, takes_s=0.05)
    next(list_ahead(listing, listing.clock))
    assert listing.listed < 10


def test_nothing_is_listed_past_an_image_that_passes() -> None:
    listing = Listing(20, passing=3)
    images = list_ahead(listing, listing.clock)
    for number in range(4):
        assert next(images).key == str(number)
        assert listing.listed == 4
    assert len(list(images)) == 16
