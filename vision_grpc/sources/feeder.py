"""Images for an event loop: pulled and read beside it, as they are wanted."""

import asyncio
import queue
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from functools import partial

from vision_grpc.config import Limits
from vision_grpc.sources.files import PATIENCE_S, ImageSource, Source, read_image
from vision_grpc.sources.image import Image, Refusal

AHEAD_IMAGES, AHEAD_BYTES = 32, 2 * 1_048_576
"""How far a thread reads ahead: a hop between threads costs as much as reading three files."""
_CANCELLED_WITHIN_S = 1.0


def feed(
    images: Iterable[ImageSource] | AsyncIterable[ImageSource], limits: Limits, on_news: Callable[[], None]
) -> "Feeder":
    """Return what pulls the images, on the running loop or beside it.

    Ordinary iterables are pulled, and files read, in a thread of their own, always the same:
    either may block. What is in memory needs none.
    """
    if isinstance(images, AsyncIterable):
        return _TaskFeeder(images, limits, on_news)
    if isinstance(images, list | tuple) and all(isinstance(image, Image | bytes) for image in images):
        return _MemoryFeeder(images, limits, on_news)
    return _ThreadFeeder(images, limits, on_news)


class Feeder(ABC):
    """Pulls a source when images are wanted, and calls `on_news` when `has_news` becomes true later than that."""

    def __init__(self, on_news: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_news = on_news
        self._images: deque[Image | Refusal] = deque()
        self._wanted = self._enough = 0
        self._patience: asyncio.TimerHandle | None = None
        self._ended = False
        self.error: BaseException | None = None

    @property
    def has_news(self) -> bool:
        """Whether there is something to `take`: what is wanted, less when the rest is slow to come, or the end."""
        return self._wanted > 0 and (len(self._images) >= self._enough or self._ended)

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left to take, nor will be."""
        return self._ended and not self._images

    def want(self, images: int) -> None:
        """Ask for so many more images."""
        self._wanted = self._enough = images
        self._pull()
        if not self.has_news:
            self._patience = self._loop.call_later(PATIENCE_S, self._settle_for_less)

    def take(self) -> Sequence[Image | Refusal]:
        """Return what has come of what was wanted; the rest of that is no longer wanted."""
        if self._patience is not None:
            self._patience.cancel()
        images = [self._images.popleft() for _ in range(min(self._wanted, len(self._images)))]
        self._wanted = 0
        return images

    def left(self) -> Sequence[str]:
        """Return the keys of the images that came and were not taken."""
        return [image.key for image in self._images]

    @abstractmethod
    async def aclose(self) -> None:
        """Stop pulling."""

    @abstractmethod
    def _pull(self) -> None:
        """Get images, at once or later, or the end."""

    def _settle_for_less(self) -> None:
        self._enough = 1
        if self.has_news:
            self._on_news()

    def _end(self, error: BaseException | None) -> None:
        self.error = error
        self._ended = True


class _MemoryFeeder(Feeder):
    """Pulls at once."""

    def __init__(self, images: Iterable[ImageSource], limits: Limits, on_news: Callable[[], None]) -> None:
        super().__init__(on_news)
        self._source = Source(images, limits)

    def _pull(self) -> None:
        self._images.extend(self._source.pull(self._wanted))
        if self._source.exhausted:
            self._end(self._source.error)

    async def aclose(self) -> None:
        """Do nothing: nothing is under way."""


class _ThreadFeeder(Feeder):
    """Pulls in a thread, which nothing waits for: who knows when the source gives it back.

    The thread fills `_images` and the loop empties it. Each first changes what the other looks at,
    then looks at what the other changes, so neither can miss the other.
    """

    def __init__(self, images: Iterable[ImageSource], limits: Limits, on_news: Callable[[], None]) -> None:
        super().__init__(on_news)
        self._source = Source(images, limits)
        self._bytes_pulled = self._bytes_taken = 0
        self._paused = True
        # Written by the loop alone, and by the thread alone.
        self._order = self._told_order = 0
        self._orders: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._closed = False
        work = partial(copy_context().run, self._work)
        threading.Thread(target=work, name="vision-grpc-source", daemon=True).start()

    @property
    def has_news(self) -> bool:
        """Whether there is something to `take`, or as much as is read ahead."""
        return super().has_news or (self._wanted > 0 and not self._is_below(1))

    def take(self) -> Sequence[Image | Refusal]:
        """Return what has come of what was wanted; see `Feeder`."""
        images = super().take()
        self._bytes_taken += sum([len(image.content) for image in images if isinstance(image, Image)])
        return images

    async def aclose(self) -> None:
        """Let the thread end."""
        self._closed = True
        self._orders.put(None)

    def _pull(self) -> None:
        self._order += 1
        if self._paused and self._is_below(2):
            self._paused = False
            self._orders.put(None)

    def _is_below(self, divisor: int) -> bool:
        """Return whether less has been read ahead than this part of what may be."""
        ahead = self._bytes_pulled - self._bytes_taken
        return len(self._images) < AHEAD_IMAGES // divisor and ahead < AHEAD_BYTES // divisor

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            self._orders.get()
            while not self._closed and (image := self._source.next()) is not None:
                self._images.append(image)
                if isinstance(image, Image):
                    self._bytes_pulled += len(image.content)
                self._tell()
                if not self._is_below(1):
                    self._paused = True
                    while not self._is_below(1) and not self._closed:
                        self._orders.get()
            error = self._source.error
        except BaseException as raised:
            error = raised
            raise
        finally:
            self._end(error)
            self._tell()

    def _tell(self) -> None:
        order = self._order  # Read first: what is told of an order that has passed is told of its follower again.
        if self._told_order != order and self.has_news:
            self._told_order = order
            with suppress(RuntimeError):  # The loop was closed, so nobody is left to be told.
                self._loop.call_soon_threadsafe(self._on_news)


class _TaskFeeder(Feeder):
    """Pulls in a task; files are read in a thread."""

    def __init__(self, images: AsyncIterable[ImageSource], limits: Limits, on_news: Callable[[], None]) -> None:
        super().__init__(on_news)
        self._limits = limits
        self._files = _FileReader(limits)
        self._resume = asyncio.Event()
        self._task = asyncio.create_task(self._work(images))
        self._task.add_done_callback(self._over)

    def _pull(self) -> None:
        self._resume.set()

    async def aclose(self) -> None:
        """End the task, unless the source does not let itself be cancelled. It is the caller's, and stays open."""
        self._files.close()
        self._task.cancel()
        await asyncio.wait([self._task], timeout=_CANCELLED_WITHIN_S)

    async def _work(self, images: AsyncIterable[ImageSource]) -> None:
        position = 0
        await self._resume.wait()
        async for source in images:
            self._images.append(await self._read(source, position))
            position += 1
            if self.has_news:
                self._on_news()
            if len(self._images) >= self._wanted:
                self._resume.clear()
                await self._resume.wait()

    async def _read(self, source: ImageSource, position: int) -> Image | Refusal:
        if isinstance(source, Image | bytes):
            return read_image(source, position, self._limits)
        return await self._files.read(source, position)

    def _over(self, task: "asyncio.Task[None]") -> None:
        """Do not let the stream wait for a task that is over, whatever ended it."""
        self._end(RuntimeError("the source of images was cancelled") if task.cancelled() else task.exception())
        self._on_news()


class _FileReader:
    """Reads files in a thread that nothing waits for: who knows when a pipe or a dead network disk gives it back.

    The threads of `asyncio.to_thread` are waited for when the loop ends.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._is_started = self._is_closed = False

    async def read(self, source: ImageSource, position: int) -> Image | Refusal:
        """Return what `read_image` makes of a file."""
        if self._is_closed:
            message = "the stream of these images is over"
            raise RuntimeError(message)
        if not self._is_started:
            self._is_started = True
            threading.Thread(target=self._work, name="vision-grpc-files", daemon=True).start()
        outcome: Future[Image | Refusal | BaseException] = Future()
        self._jobs.put(partial(copy_context().run, partial(self._read, source, position, outcome)))
        image = await asyncio.wrap_future(outcome)
        if isinstance(image, BaseException):
            raise image
        return image

    def close(self) -> None:
        """Let the thread end."""
        self._is_closed = True
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # It holds an image.

    def _read(self, source: ImageSource, position: int, outcome: "Future[Image | Refusal | BaseException]") -> None:
        if outcome.set_running_or_notify_cancel():
            # As a result, for a future does not take every exception that a path of the caller's own kind may raise.
            try:
                outcome.set_result(read_image(source, position, self._limits))
            except BaseException as error:  # noqa: BLE001 - raised again by `read`
                outcome.set_result(error)
