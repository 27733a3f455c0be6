"""Images for an event loop, from a source that may take its time."""

import asyncio
import os
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from contextvars import ContextVar
from itertools import count
from pathlib import Path
from typing import cast

import pytest
from images_in_bytes import png

from vision_grpc.config import Limits
from vision_grpc.sources import feeder as module
from vision_grpc.sources.feeder import AHEAD_BYTES, AHEAD_IMAGES, Feeder, feed
from vision_grpc.sources.files import ImageSource
from vision_grpc.sources.image import Image, Pulled, Rejection

_LIMITS = Limits(content_bytes=AHEAD_BYTES)
_SOON_S = 20.0


class _Odd(BaseException):
    pass


class _OwnPath(os.PathLike[str]):
    """A path of the caller's own kind."""

    def __init__(self, name: Callable[[], str]) -> None:
        self._name = name

    def __fspath__(self) -> str:
        return self._name()


async def _next(source: Feeder, awake: asyncio.Event, wanted: int) -> Sequence[Pulled]:
    source.want(wanted)
    while not source.has_news:
        awake.clear()
        await asyncio.wait_for(awake.wait(), _SOON_S)
    return source.take()


def _refuse(_: threading.Thread) -> None:
    message = "can't start new thread"
    raise RuntimeError(message)


async def _take_some(images: Iterable[ImageSource] | AsyncIterable[ImageSource]) -> int:
    awake = asyncio.Event()
    source = feed(images, _LIMITS, awake.set)
    taken = await _next(source, awake, 8)
    await source.aclose()
    return len(taken)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("a.png\r", "$'a.png\\r': cannot be read: "),
        (Path("two  blanks.png"), "'two  blanks.png': cannot be read: "),
        ("iVBORw0KGgo" * 4_000, "<44,000 characters of base64 text of a PNG>: cannot be read: "),
    ],
)
async def test_a_file_that_no_thread_is_left_to_read_is_shown_quoted(
    path: str | Path, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def images() -> AsyncIterator[ImageSource]:
        yield path

    awake = asyncio.Event()
    source = feed(images(), _LIMITS, awake.set)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", _refuse)
        (rejected,) = await _next(source, awake, 8)
    assert isinstance(rejected, Rejection)
    assert rejected.key == str(path)
    assert rejected.error.message.startswith(told)
    await source.aclose()


async def test_what_is_no_path_is_told_though_no_thread_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    async def images() -> AsyncIterator[ImageSource]:
        yield cast("ImageSource", 7)

    awake = asyncio.Event()
    source = feed(images(), _LIMITS, awake.set)
    monkeypatch.setattr(threading.Thread, "start", _refuse)
    assert await _next(source, awake, 8) == []
    assert str(source.error).startswith("image 0 of the source is of type int: give a path, bytes, ")


async def test_what_came_is_not_held_back_by_what_does_not() -> None:
    released = threading.Event()

    def images() -> Iterator[bytes]:
        for number in range(3):
            yield png(number)
        assert released.wait(_SOON_S)

    awake = asyncio.Event()
    source = feed(images(), _LIMITS, awake.set)
    assert len(await _next(source, awake, 8)) == 3
    assert not source.exhausted
    released.set()
    assert await _next(source, awake, 8) == []
    assert source.exhausted
    await source.aclose()


async def test_a_whole_batch_is_worth_a_little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 2 * _SOON_S)

    async def images() -> AsyncIterator[bytes]:
        for number in range(20):
            yield png(number)
            await asyncio.sleep(0)

    awake = asyncio.Event()
    for source in (feed(images(), _LIMITS, awake.set), feed(map(png, range(20)), _LIMITS, awake.set)):
        assert [len(await _next(source, awake, 8)) for _ in range(3)] == [8, 8, 4]
        await source.aclose()


async def test_no_more_is_read_ahead_than_allowed_and_the_rest_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 2 * _SOON_S)
    large = png(0) + bytes(AHEAD_BYTES // 2)
    for image, most in ((large, 2), (png(0), AHEAD_IMAGES)):
        pulled = count()

        def images(image: bytes = image, pulled: Iterator[int] = pulled) -> Iterator[bytes]:
            while True:
                next(pulled)
                yield image

        awake = asyncio.Event()
        source = feed(images(), _LIMITS, awake.set)
        taken = sum([len(await _next(source, awake, 8)) for _ in range(5)])
        await source.aclose()
        assert taken == (5 * 2 if image is large else 5 * 8)
        assert taken <= next(pulled) <= taken + most


async def test_a_source_is_pulled_in_one_thread_that_is_not_the_loops() -> None:
    threads: set[int] = set()

    def images() -> Iterator[bytes]:
        for number in range(3 * AHEAD_IMAGES):
            threads.add(threading.get_ident())
            yield png(number)

    awake = asyncio.Event()
    source = feed(images(), _LIMITS, awake.set)
    keys: list[str] = []
    while not source.exhausted:
        keys += [image.key for image in await _next(source, awake, 8)]
    assert keys == [f"#{number}" for number in range(3 * AHEAD_IMAGES)]
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_a_source_that_blocks_for_ever_holds_up_neither_the_loop_nor_its_end() -> None:
    released = threading.Event()

    def images() -> Iterator[bytes]:
        yield png(0)
        released.wait(_SOON_S)

    try:
        assert asyncio.run(_take_some(images())) == 1
        assert not released.is_set()
    finally:
        released.set()


def test_a_file_that_blocks_for_ever_holds_up_neither_the_loop_nor_its_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    is_reading = threading.Event()

    def name() -> str:
        is_reading.set()
        return str(pipe)

    async def images() -> AsyncIterator[bytes | _OwnPath]:
        yield png(0)
        yield _OwnPath(name)

    async def take_some() -> int:
        awake = asyncio.Event()
        source = feed(images(), _LIMITS, awake.set)
        taken = await _next(source, awake, 8)
        # A stream that is closed before the thread reads need not open the pipe: below, nothing would open it then.
        assert is_reading.wait(_SOON_S)
        await source.aclose()
        return len(taken)

    assert asyncio.run(take_some()) == 1
    # The thread is still there to be released.
    os.close(os.open(pipe, os.O_WRONLY))


async def test_a_source_that_does_not_let_itself_be_cancelled_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CANCELLED_WITHIN_S", 0.0)
    over = asyncio.Event()

    async def images() -> AsyncIterator[bytes]:
        yield png(0)
        while not over.is_set():
            with suppress(asyncio.CancelledError):
                await over.wait()

    awake = asyncio.Event()
    source = feed(images(), _LIMITS, awake.set)
    assert len(await _next(source, awake, 1)) == 1
    source.want(1)
    await asyncio.sleep(0)
    await asyncio.wait_for(source.aclose(), _SOON_S)
    assert not source.exhausted
    over.set()
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("raised", "reported"), [(StopIteration, RuntimeError), (_Odd, _Odd), (ValueError, ValueError)]
)
async def test_what_a_path_raises_ends_its_source(raised: type[BaseException], reported: type[BaseException]) -> None:
    def name() -> str:
        raise raised

    async def images() -> AsyncIterator[bytes | _OwnPath]:
        yield png(0)
        yield _OwnPath(name)

    awake = asyncio.Event()
    source = feed(images(), _LIMITS, awake.set)
    assert len(await _next(source, awake, 8)) == 1
    assert await _next(source, awake, 8) == []
    assert source.exhausted
    assert type(source.error) is reported
    await source.aclose()


async def test_files_are_read_in_the_context_of_their_source(tmp_path: Path) -> None:
    folder = ContextVar("folder", default="nowhere.png")
    (tmp_path / "here.png").write_bytes(png(7))

    async def images() -> AsyncIterator[_OwnPath]:
        folder.set(str(tmp_path / "here.png"))
        yield _OwnPath(folder.get)

    awake = asyncio.Event()
    source = feed(images(), _LIMITS, awake.set)
    [image] = await _next(source, awake, 8)
    assert isinstance(image, Image)
    await source.aclose()
