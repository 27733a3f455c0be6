"""Images for an event loop: pulled and read outside it, when they are wanted."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial

from vision_grpc.config import Limits
from vision_grpc.errors import MachineError
from vision_grpc.results import ImageError
from vision_grpc.sources.ahead import ReadAhead
from vision_grpc.sources.files import (
    PATIENCE_S,
    ImageSource,
    Source,
    is_in_memory,
    key_of_source,
    read_image,
)
from vision_grpc.sources.image import Image, Pulled, Rejection
from vision_grpc.texts.quoting import quote_name
from vision_grpc.threads import DaemonThreads

AHEAD_IMAGES, AHEAD_BYTES = 32, 2 * 1_048_576
"""How far a thread reads ahead: a hop between threads costs as much as reading three files."""
_CANCELLED_WITHIN_S = 1.0


def feed(
    images: Iterable[ImageSource] | AsyncIterable[ImageSource], limits: Limits, on_news: Callable[[], None]
) -> "Feeder":
    """Return a feeder that pulls the images, on the running loop or in a thread.

    An ordinary iterable is pulled in one thread, which also reads the files: both may block. Images in memory
    need no thread.
    """
    if isinstance(images, ReadAhead):
        images.limit(limits)
    if isinstance(images, AsyncIterable):
        return _TaskFeeder(images, limits, on_news)
    if isinstance(images, list | tuple) and all(map(is_in_memory, images)):
        return _MemoryFeeder(images, limits, on_news)
    return _ThreadFeeder(images, limits, on_news)


class Feeder(ABC):
    """Pulls a source when images are wanted, and calls `on_news` when `has_news` becomes true later than `want`."""

    def __init__(self, on_news: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_news = on_news
        self._images: deque[Pulled] = deque()
        self._wanted = self._enough = 0
        self._patience: asyncio.TimerHandle | None = None
        self._ended = False
        self.error: BaseException | None = None

    @property
    def has_news(self) -> bool:
        """Whether there is something to `take`: all images wanted, fewer when the rest is slow to come, or the end."""
        return self._wanted > 0 and (len(self._images) >= self._enough or self._ended)

    @property
    def exhausted(self) -> bool:
        """Whether there are no images left to take, now or later."""
        return self._ended and not self._images

    def want(self, images: int) -> None:
        """Ask for so many more images."""
        self._wanted = self._enough = images
        self._pull()
        if not self.has_news:
            self._patience = self._loop.call_later(PATIENCE_S, self._settle_for_less)

    def take(self) -> Sequence[Pulled]:
        """Return the images wanted that have come; the rest of them is no longer wanted."""
        if self._patience is not None:
            self._patience.cancel()
        images = [self._images.popleft() for _ in range(min(self._wanted, len(self._images)))]
        self._wanted = 0
        return images

    def left(self) -> Sequence[str]:
        """Return the keys of the images that have come and were not taken."""
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
    """Pulls images that are in memory."""

    def __init__(self, images: Iterable[ImageSource], limits: Limits, on_news: Callable[[], None]) -> None:
        super().__init__(on_news)
        self._source = Source(images, limits)

    def _pull(self) -> None:
        self._images.extend(self._source.pull(self._wanted))
        if self._source.exhausted:
            self._end(self._source.error)

    async def aclose(self) -> None:
        """Do nothing: no work is in progress."""


class _ThreadFeeder(Feeder):
    """Pulls in a thread, which nothing waits for: the source may block for as long as it likes.

    The thread fills `_images` and the loop empties it. Each first changes what the other looks at,
    then looks at what the other changes, so neither can miss the other.
    """

    def __init__(self, images: Iterable[ImageSource], limits: Limits, on_news: Callable[[], None]) -> None:
        super().__init__(on_news)
        self._source = Source(images, limits)
        self._bytes_pulled = self._bytes_taken = 0
        # Written by the loop alone, and by the thread alone.
        self._order = self._answered_order = 0
        self._paused = True
        self._closed = False
        self._thread = DaemonThreads("vision-grpc-source")
        self._read_ahead = partial(copy_context().run, self._read_until_ahead)

    @property
    def has_news(self) -> bool:
        """Whether there is something to `take`, or the thread has read ahead as far as it may."""
        return super().has_news or (self._wanted > 0 and not self._is_below(1))

    def take(self) -> Sequence[Pulled]:
        """Return the images wanted that have come; see `Feeder`."""
        images = super().take()
        self._bytes_taken += sum([len(image.content) for image in images if isinstance(image, Image)])
        return images

    async def aclose(self) -> None:
        """Let the thread end."""
        self._closed = True
        self._thread.end()

    def _pull(self) -> None:
        self._order += 1
        if self._paused and self._is_below(2):
            self._paused = False
            self._thread.submit(self._read_ahead)

    def _is_below(self, divisor: int) -> bool:
        """Whether the thread has read ahead less than this part of what it may."""
        ahead = self._bytes_pulled - self._bytes_taken
        return len(self._images) < AHEAD_IMAGES // divisor and ahead < AHEAD_BYTES // divisor

    def _read_until_ahead(self) -> None:
        while not (self._closed or self._ended):
            if not self._is_below(1):
                self._paused = True
                if not self._is_below(1):
                    return
            self._read_next()
            self._report()

    def _read_next(self) -> None:
        try:
            image = self._source.next()
        except BaseException as error:  # noqa: BLE001 - raised again at the end of the stream
            self._end(error)
            return
        if image is None:
            self._end(self._source.error)
            return
        self._images.append(image)
        if isinstance(image, Image):
            self._bytes_pulled += len(image.content)

    def _report(self) -> None:
        # Read first: what is reported for an order that has passed is reported for its follower again.
        order = self._order
        if self._answered_order != order and self.has_news:
            self._answered_order = order
            with suppress(RuntimeError):  # The loop was closed: nobody is left to wake.
                self._loop.call_soon_threadsafe(self._on_news)


class _TaskFeeder(Feeder):
    """Pulls in a task; files are read in a thread."""

    def __init__(self, images: AsyncIterable[ImageSource], limits: Limits, on_news: Callable[[], None]) -> None:
        super().__init__(on_news)
        self._limits = limits
        self._files: DaemonThreads | None = None
        self._is_closed = False
        self._resume = asyncio.Event()
        self._task = asyncio.create_task(self._work(images))
        self._task.add_done_callback(self._over)

    def _pull(self) -> None:
        self._resume.set()

    async def aclose(self) -> None:
        """End the task, unless the source ignores its cancellation. The source belongs to the caller and stays open."""
        self._is_closed = True
        if self._files is not None:
            self._files.end()
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

    async def _read(self, source: ImageSource, position: int) -> Pulled:
        if is_in_memory(source):
            return read_image(source, position, self._limits)
        if self._is_closed:
            message = "the stream of these images is over"
            raise RuntimeError(message)
        if self._files is None:
            # Not `asyncio.to_thread`, whose threads the end of the loop waits for: a pipe or a dead network disk may
            # never give one back.
            try:
                self._files = DaemonThreads("vision-grpc-files")
            except MachineError as error:
                key = key_of_source(source, position)
                return Rejection(key, ImageError(error.code, f"{quote_name(key)}: cannot be read: {error}"))
        read = partial(copy_context().run, partial(_read_or_error, source, position, self._limits))
        image = await asyncio.wrap_future(self._files.submit(read))
        if isinstance(image, BaseException):
            raise image
        return image

    def _over(self, task: "asyncio.Task[None]") -> None:
        """Let the stream go on when the task has ended, for whatever reason."""
        self._end(RuntimeError("the source of images was cancelled") if task.cancelled() else task.exception())
        self._on_news()


def _read_or_error(source: ImageSource, position: int, limits: Limits) -> Pulled | BaseException:
    # Returned, not raised: an asyncio future does not take every exception that the caller's path object may raise.
    try:
        return read_image(source, position, limits)
    except BaseException as error:  # noqa: BLE001 - raised again by the stream
        return error
