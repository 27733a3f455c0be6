"""Images that are read when their turn comes, and ahead of it, over every transport."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from drivers import Connect, Way
from images_in_bytes import png
from scripted_service import numbers_of

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.sources.ahead import read_ahead
from vision_grpc.sources.image import Rejection
from vision_grpc.sources.item import Item, Read

_SOON_S = 20.0


def _item(key: str, read: Callable[[], Read], **about: object) -> Item:
    return Item(key, lambda _: read(), **about)  # type: ignore[arg-type]


def _items(number: int) -> Iterator[Item]:
    return (_item(str(each), lambda each=each: png(each), content_bytes=50) for each in range(number))  # type: ignore[misc]


def test_items_are_images(connect: Connect, way: Way, tmp_path: Path) -> None:
    class Made:
        content = png(3)

    missing = ImageError(Code.NOT_FOUND, "gone: no such file")
    path = tmp_path / "page.png"
    path.write_bytes(png(5))
    images: list[Item | Rejection | Path] = [
        _item("plain", lambda: png(1)),
        _item("own", lambda: png(2), languages=["ru"], model="line"),
        _item("made", Made),
        _item("gone", lambda: missing),
        Rejection("refused", missing),
        path,
        _item("no image", lambda: b"text"),
    ]
    client, service = connect()
    results = client.collect(images, ordered=True)
    assert [result.key for result in results] == ["plain", "own", "made", "gone", "refused", str(path), "no image"]
    assert [result.text for result in results] == ["1", "2", "3", "", "", "5", ""]
    assert results[3].error == results[4].error == missing
    assert results[6].error is not None
    assert results[6].error.code is Code.INVALID_ARGUMENT
    assert sorted(map(numbers_of, service.requests)) == sorted([*way.batches([1, 3, 5]), [2]])
    assert client.analyze(images[0]).text == "1"
    assert client.analyze(images[3]).error == missing


def test_an_item_is_read_with_the_limits_of_the_client(connect: Connect, way: Way) -> None:
    given: list[Limits] = []

    def read(limits: Limits) -> bytes:
        given.append(limits)
        return png(1)

    limits = Limits(content_bytes=2_000)
    client, _ = connect(limits=limits)
    assert client.analyze(Item("k", read)).ok
    assert given == [way.dialect.api.limits(limits)]


@pytest.mark.parametrize("ahead", [False, True])
def test_a_read_that_is_broken_ends_the_stream_after_what_was_before(connect: Connect, *, ahead: bool) -> None:
    def broken() -> bytes:
        message = "a bug"
        raise LookupError(message)

    def items() -> Iterator[Item]:
        yield from _items(20)
        yield _item("broken", broken)

    seen: list[str] = []
    client, _ = connect()
    images = read_ahead(items()) if ahead else items()
    with pytest.raises(LookupError, match="a bug"):
        client.collect(images, on_result=lambda result: seen.append(result.text))
    assert sorted(map(int, seen)) == list(range(20))


def test_one_item_where_many_are_expected_is_refused(connect: Connect) -> None:
    client, _ = connect()
    for image in (_item("k", lambda: png(1)), Rejection("k", ImageError(Code.NOT_FOUND, ""))):
        with pytest.raises(TypeError, match="analyze_many takes an iterable of images"):
            client.collect(image)  # type: ignore[arg-type]


@pytest.mark.parametrize("ordered", [False, True])
def test_what_is_read_ahead_comes_out(connect: Connect, *, ordered: bool) -> None:
    client, _ = connect()
    with read_ahead(_items(300), ordered=ordered) as images:
        results = client.collect(images, ordered=ordered)
    texts = [int(result.text) for result in results]
    assert (texts if ordered else sorted(texts)) == list(range(300))
    assert all(result.key == result.text for result in results)


def test_results_come_out_while_the_source_is_slow(connect: Connect) -> None:
    """The source goes on when the results of what it brought have come out: nothing else would end this."""
    came_out = threading.Semaphore(0)

    def items() -> Iterator[Item]:
        for number in range(3):
            yield _item(str(number), lambda number=number: png(number))  # type: ignore[misc]
            assert came_out.acquire(timeout=_SOON_S)

    def count(_: ImageResult) -> None:
        came_out.release()

    client, _ = connect()
    results = client.collect(read_ahead(items()), on_result=count)
    assert [result.text for result in results] == ["0", "1", "2"]


def test_results_come_out_while_a_read_is_slow(connect: Connect) -> None:
    others = threading.Semaphore(0)

    def slow() -> bytes:
        for _ in range(9):
            assert others.acquire(timeout=_SOON_S)
        return png(0)

    def items() -> Iterator[Item]:
        yield _item("0", slow)
        for number in range(1, 10):
            yield _item(str(number), lambda number=number: png(number))  # type: ignore[misc]

    client, _ = connect()
    results = client.collect(read_ahead(items(), threads=2), on_result=lambda _: others.release())
    assert results[-1].text == "0"
    assert len(results) == 10


def test_an_item_that_hangs_is_a_result(connect: Connect) -> None:
    released = threading.Event()

    def hang() -> bytes:
        released.wait(_SOON_S)
        return png(0)

    def items() -> Iterator[Item]:
        yield _item("hangs", hang)
        yield from _items(20)

    client, _ = connect()
    results = {result.key: result for result in client.collect(read_ahead(items(), threads=2, within_s=0.25))}
    released.set()
    assert len(results) == 21
    error = results.pop("hangs").error
    assert error is not None
    assert error.code is Code.DEADLINE_EXCEEDED
    assert all(result.ok for result in results.values())


def test_what_is_read_ahead_fills_requests(connect: Connect, way: Way) -> None:
    if way.driver != "sync":
        pytest.skip("an event loop pulls it as any other source")
    ready = threading.Event()
    images = read_ahead(_items(64), most_images=64)
    images.listen(lambda: ready.set() if images.ready == 64 else None)
    images.start()
    assert ready.wait(_SOON_S)
    client, service = connect()
    assert len(client.collect(images)) == 64
    assert [len(request.analyze_specs) for request in service.requests] == [*map(len, way.batches(range(64)))]
