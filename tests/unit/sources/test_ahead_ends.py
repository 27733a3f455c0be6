"""Sources that are read ahead are let go at their end, whatever that is; bounds with which nothing could be read."""

import gc
import math
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest
from images_in_bytes import png

from vision_grpc.sources.ahead import read_ahead
from vision_grpc.sources.item import Item, Read

_SOON_S = 20.0


def _item(number: int) -> Item:
    return Item(str(number), lambda _: png(number))


class Source(Iterator[Item]):
    """Many items, from what is to be closed."""

    def __init__(self, ends_at: int = 1_000, end: type[Exception] = StopIteration) -> None:
        self.number = 0
        self.ends_at, self.end = ends_at, end
        self.closed = threading.Event()

    def __next__(self) -> Item:
        if self.number == self.ends_at:
            raise self.end
        self.number += 1
        return _item(self.number)

    def close(self) -> None:
        self.closed.set()


def _broken(_: Item) -> Read:
    raise ZeroDivisionError


def test_an_error_of_a_read_closes_the_source() -> None:
    source = Source()
    images = read_ahead(source, _broken)
    with pytest.raises(ZeroDivisionError):
        list(images)
    assert source.closed.wait(_SOON_S)


@pytest.mark.parametrize("end", [OSError, StopIteration])
def test_a_source_that_ends_is_closed(end: type[Exception]) -> None:
    source = Source(20, end)
    images = read_ahead(source)
    try:
        assert len(list(images)) == 20
    except OSError:
        assert end is OSError
    assert source.closed.wait(_SOON_S)


def test_a_generator_is_finished_after_an_error_of_a_read() -> None:
    finished = threading.Event()

    def items() -> Iterator[Item]:
        try:
            for number in range(1_000):
                yield _item(number)
        finally:
            finished.set()

    with pytest.raises(ZeroDivisionError):
        list(read_ahead(items(), _broken))
    assert finished.wait(_SOON_S)


@pytest.mark.parametrize("use", [next, list, lambda _: None])
def test_a_source_is_forgotten_when_its_reading_is_closed(use: Callable[[Iterator[object]], object]) -> None:
    source = Source(200)
    gone = threading.Event()
    weakref.finalize(source, gone.set)
    images = read_ahead(source)
    use(images)
    images.close()
    del source
    gc.collect()
    assert gone.wait(_SOON_S)


@pytest.mark.parametrize("value", [0, -1])
@pytest.mark.parametrize("name", ["threads", "most_images", "most_bytes"])
def test_no_threads_and_no_room_are_refused(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{name} is {value}, must be at least 1"):
        read_ahead([_item(1)], **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("within_s", [0, -1.5, math.nan, -math.inf])
def test_no_time_is_refused(within_s: float) -> None:
    with pytest.raises(ValueError, match=r"within_s is .*, must be above 0"):
        read_ahead([_item(1)], within_s=within_s)


def test_time_without_end_is_taken() -> None:
    assert len(list(read_ahead([_item(1)], within_s=math.inf))) == 1
