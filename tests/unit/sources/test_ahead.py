"""Images that threads make ready, from sources and reads that may take their time."""

import gc
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest
from images_in_bytes import png

from vision_grpc.config import Limits
from vision_grpc.errors import Code, MachineError
from vision_grpc.results import ImageError
from vision_grpc.sources import ahead_threads
from vision_grpc.sources.ahead import ReadAhead, read_ahead
from vision_grpc.sources.image import Image, Pulled, Rejection
from vision_grpc.sources.item import Item, Read

_SOON_S = 20.0
# Long enough for what does not hang, also on a machine that is busy.
_HANGS_AFTER_S = 0.5
_NAMES = {"vision-grpc-ahead-source", "vision-grpc-ahead"}
_OF_OTHER_TESTS: set[threading.Thread] = set()


@pytest.fixture(autouse=True)
def _leave_threads_of_other_tests() -> None:
    # Some read what never comes.
    _OF_OTHER_TESTS.clear()
    _OF_OTHER_TESTS.update(threading.enumerate())


def _item(number: int, read: Callable[[], Read] | None = None, *, is_passing: bool = False) -> Item:
    content = png(number)
    return Item(str(number), lambda _: content if read is None else read(), len(content), is_passing=is_passing)


def _items(number: int) -> Iterator[Item]:
    return (_item(each) for each in range(number))


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name in _NAMES and thread not in _OF_OTHER_TESTS]


def _end_of_threads() -> None:
    for thread in _threads():
        thread.join(_SOON_S)
    assert _threads() == []


def _until_ready(images: ReadAhead, number: int) -> None:
    """Wait until so many images can be taken."""
    news = threading.Event()
    images.listen(lambda: news.set() if images.ready >= number else None)
    images.start()
    assert images.ready >= number or news.wait(_SOON_S)
    images.listen(None)


@pytest.mark.parametrize("is_passing", [False, True])
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("threads", [1, 5])
@pytest.mark.parametrize("most_images", [1, 7, 1_000])
def test_each_item_becomes_an_image(
    threads: int,
    most_images: int,
    *,
    ordered: bool,
    is_passing: bool,
) -> None:
    items = (_item(number, is_passing=is_passing) for number in range(300))
    images = list(read_ahead(items, threads=threads, most_images=most_images, ordered=ordered))
    expected = [Image(str(number), png(number)) for number in range(300)]
    assert (images if ordered else sorted(images, key=lambda image: int(image.key))) == expected
    _end_of_threads()


def test_no_items_are_no_images() -> None:
    assert list(read_ahead([])) == []


def test_an_image_keeps_what_its_item_says_of_it() -> None:
    item = Item("key", lambda _: png(1), languages=["ru"], model="line")
    assert list(read_ahead([item])) == [Image("key", png(1), ["ru"], "line")]


def test_what_cannot_be_read_is_an_image_with_its_error() -> None:
    error = ImageError(Code.NOT_FOUND, "no such file")
    assert list(read_ahead([Item("key", lambda _: error)])) == [Rejection("key", error)]


def test_content_may_be_made() -> None:
    class Made:
        content = png(7)

    def prepare(item: Item) -> Read:
        assert item.read(Limits()) == png(1)
        return Made()

    assert list(read_ahead([_item(1)], prepare)) == [Image("1", png(7))]


def test_reads_go_on_side_by_side() -> None:
    together = threading.Barrier(3)

    def read(number: int) -> bytes:
        together.wait(_SOON_S)
        return png(number)

    images = list(read_ahead((_item(number, partial(read, number)) for number in range(6)), threads=3))
    assert len(images) == 6


@pytest.mark.parametrize("limit_bytes", [1_048_576, 200 * 1_048_576])
def test_items_of_unknown_size_keep_all_threads_busy(limit_bytes: int) -> None:
    together = threading.Barrier(8)

    def read(_: Limits) -> bytes:
        together.wait(_SOON_S)
        return png(1)

    images = read_ahead((Item(str(number), read) for number in range(48)), limits=Limits(content_bytes=limit_bytes))
    assert len(list(images)) == 48


@pytest.mark.parametrize("ordered", [False, True])
def test_one_slow_read_holds_up_others_only_where_there_is_an_order(*, ordered: bool) -> None:
    released = threading.Event()

    def slow() -> bytes:
        assert released.wait(_SOON_S)
        return png(0)

    items = [_item(0, slow), *(_item(number) for number in range(1, 20))]
    with read_ahead(items, threads=2, ordered=ordered) as images:
        if ordered:
            released.set()
            assert [image.key for image in images] == [str(number) for number in range(20)]
        else:
            assert sorted(int(next(images).key) for _ in range(19)) == list(range(1, 20))
            released.set()
            assert next(images).key == "0"


def test_passing_items_are_read_by_the_thread_that_pulls_before_the_next_is_pulled() -> None:
    seen: list[tuple[str, threading.Thread]] = []

    def read(number: int) -> bytes:
        seen.append((f"read {number}", threading.current_thread()))
        return png(number)

    def items() -> Iterator[Item]:
        for number in range(20):
            seen.append((f"pulled {number}", threading.current_thread()))
            yield _item(number, partial(read, number), is_passing=True)

    def prepare(item: Item) -> Read:
        assert threading.current_thread() not in {thread for _, thread in seen}
        return item.read(Limits())

    assert len(list(read_ahead(items(), prepare))) == 20
    assert [step for step, _ in seen] == [f"{step} {number}" for number in range(20) for step in ("pulled", "read")]
    assert len({thread for _, thread in seen}) == 1


def test_nothing_is_pulled_before_an_image_is_asked_for() -> None:
    pulled = count()
    images = read_ahead(_item(next(pulled)) for _ in count())
    images.close()
    assert next(pulled) == 0


@pytest.mark.parametrize(
    ("most_images", "most_bytes", "content_bytes", "ahead"),
    [(5, 1_000_000, 1_000, 5), (1_000, 4_000, 1_000, 4), (1_000, 1, 1_000, 1), (1_000, 6_000, None, 6)],
)
def test_as_much_is_read_ahead_as_may_be_held(
    most_images: int, most_bytes: int, content_bytes: int | None, ahead: int
) -> None:
    taken = 0
    held: list[int] = []

    def items() -> Iterator[Item]:
        for number in range(60):
            held.append(number - taken)
            yield Item(str(number), lambda _: png(1, size=1_000), content_bytes)

    with read_ahead(
        items(), limits=Limits(content_bytes=1_000), threads=2, most_images=most_images, most_bytes=most_bytes
    ) as images:
        _until_ready(images, ahead)
        for _ in images:
            taken += 1
    assert taken == 60
    # What is about to be pulled comes on top of what is held, and so does what was taken and is not counted here yet.
    assert ahead - 1 <= max(held) <= ahead


def test_an_exception_of_the_items_comes_after_what_was_before_it() -> None:
    def items() -> Iterator[Item]:
        yield from _items(30)
        message = "the disk is gone"
        raise OSError(message)

    images = read_ahead(items())
    keys: list[str] = []
    with pytest.raises(OSError, match="the disk is gone"):
        keys.extend(image.key for image in images)
    assert sorted(keys, key=int) == [str(number) for number in range(30)]
    assert list(images) == []
    _end_of_threads()


@pytest.mark.parametrize("given", ["a.png", b"x", None], ids=repr)
def test_what_is_no_item_is_named_after_the_images_before_it(given: Any) -> None:  # noqa: ANN401 - of a wrong type
    images = read_ahead([*_items(2), given])
    keys: list[str] = []
    with pytest.raises(TypeError, match=r"^items\[2\] is .*, must be an Item, as open_places\(...\) returns them$"):
        keys.extend(image.key for image in images)
    assert sorted(keys) == ["0", "1"]
    _end_of_threads()


@pytest.mark.parametrize("is_passing", [False, True])
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("kind", [KeyError, StopIteration, SystemExit])
def test_an_exception_of_a_read_is_raised_and_names_the_item(
    kind: type[BaseException], *, ordered: bool, is_passing: bool
) -> None:
    def broken() -> Read:
        raise kind

    items = (_item(number, broken if number == 12 else None, is_passing=is_passing) for number in count())
    images = read_ahead(items, ordered=ordered)
    keys: list[str] = []
    with pytest.raises((kind, RuntimeError)) as caught:
        keys.extend(image.key for image in images)
    error = caught.value.__cause__ if kind is StopIteration else caught.value
    assert isinstance(error, kind)
    assert error.__notes__ == ["12 was being read"]
    assert set(map(str, range(12))) <= set(keys)
    assert "12" not in keys
    _end_of_threads()


def test_what_hangs_is_given_up_and_the_rest_comes() -> None:
    released = threading.Event()

    def hang() -> bytes:
        released.wait(_SOON_S)
        return png(0)

    items = (_item(number, hang if number < 5 else None) for number in range(40))
    with read_ahead(items, threads=2, within_s=_HANGS_AFTER_S) as images:
        results = {image.key: image for image in images}
    assert len(results) == 40
    refused = {key for key, image in results.items() if isinstance(image, Rejection)}
    assert refused == {"0", "1", "2", "3", "4"}
    hung = results["3"]
    assert isinstance(hung, Rejection)
    assert hung.error.code is Code.DEADLINE_EXCEEDED
    assert hung.error.message == "3: not read within 0.5 s: the disk, store or pipe that has it hangs"
    assert hung.error.retryable
    released.set()
    _end_of_threads()


def test_an_item_that_hangs_as_it_passes_ends_its_source() -> None:
    released = threading.Event()

    def hang() -> bytes:
        released.wait(_SOON_S)
        return png(0)

    items = (_item(number, hang if number == 3 else None, is_passing=True) for number in count())
    images = read_ahead(items, within_s=_HANGS_AFTER_S)
    results: list[Pulled] = []
    with pytest.raises(TimeoutError, match=r"3 was not read within 0\.5 s, nor what comes after it"):
        results.extend(images)
    assert [image.key for image in results if isinstance(image, Rejection)] == ["3"]
    assert len(results) == 4
    released.set()
    _end_of_threads()


def test_a_source_of_which_nothing_can_be_read_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead_threads, "MOST_HUNG", 4)
    released = threading.Event()

    def hang() -> bytes:
        released.wait(_SOON_S)
        return png(0)

    images = read_ahead((_item(number, hang) for number in count()), threads=2, most_images=20, within_s=_HANGS_AFTER_S)
    results: list[Pulled] = []
    with pytest.raises(TimeoutError, match=r"4 images were not read within 0\.5 s each"):
        results.extend(images)
    assert all(isinstance(image, Rejection) for image in results)
    assert len({image.key for image in results}) == len(results) >= 4
    released.set()
    _end_of_threads()


def test_closing_ends_the_threads_and_the_source() -> None:
    closed = threading.Event()

    def items() -> Iterator[Item]:
        try:
            for number in count():
                yield _item(number)
        finally:
            closed.set()

    images = read_ahead(items())
    next(images)
    images.close()
    images.close()
    assert list(images) == []
    assert closed.wait(_SOON_S)
    _end_of_threads()


def test_dropping_the_iterator_ends_the_threads() -> None:
    images = read_ahead(_item(number) for number in count())
    next(images)
    del images
    gc.collect()
    _end_of_threads()


def test_a_source_that_blocks_does_not_hold_up_its_end() -> None:
    released = threading.Event()

    def items() -> Iterator[Item]:
        yield _item(0)
        assert released.wait(_SOON_S)

    with read_ahead(items()) as images:
        assert next(images).key == "0"
    assert list(images) == []
    released.set()
    _end_of_threads()


@pytest.mark.parametrize("started", [0, 1, 3])
def test_threads_that_the_system_does_not_have(started: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that pulls and one that prepares are enough."""
    left = count(1)
    start = threading.Thread.start

    def start_some(thread: threading.Thread) -> None:
        if next(left) > started:
            message = "can't start new thread"
            raise RuntimeError(message)
        start(thread)

    images = read_ahead(_items(30))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start_some)
        if started < 2:
            with pytest.raises(MachineError, match="no thread left"):
                next(images)
        else:
            next(images)
    assert len(list(images)) == (0 if started < 2 else 29)
    _end_of_threads()


def test_a_consumer_may_take_what_is_ready_without_waiting() -> None:
    released = threading.Event()

    def items() -> Iterator[Item]:
        yield from _items(5)
        assert released.wait(_SOON_S)

    with read_ahead(items(), ordered=True) as images:
        assert not images.take(8)
        _until_ready(images, 5)
        assert [image.key for image in images.take(3)] == ["0", "1", "2"]
        assert [image.key for image in images.take(3)] == ["3", "4"]
        assert not images.is_over
        over = threading.Event()
        images.listen(lambda: over.set() if images.is_over else None)
        released.set()
        assert over.wait(_SOON_S)
        assert images.error is None
