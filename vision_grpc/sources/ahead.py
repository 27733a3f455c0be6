"""Images that are read ahead in threads, for sources whose reads are slow (a store, a network disk) or costly."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import monotonic
from types import TracebackType
from typing import Self, cast

from vision_grpc.config import Limits
from vision_grpc.sources.ahead_threads import AheadThreads, Bounds
from vision_grpc.sources.image import PendingOperation, Pulled
from vision_grpc.sources.item import Item, Read
from vision_grpc.texts.arguments import check_count, check_flag, check_seconds, wrong_type

READ_WITHIN_S = 120.0
"""How long the preparation of an image may take before it is given up."""


class ReadAhead(Iterator[Pulled]):
    """An iterator of images that threads make ready, for one consumer.

    `__next__` waits. A consumer that does not want to wait listens, and takes what is ready.
    """

    def __init__(self, threads: AheadThreads, *, is_limited: bool = True) -> None:
        """`is_limited`: the limits of its consumer do not matter."""
        # The threads do not know this object: when it is dropped, they end.
        self._threads = threads
        self._is_limited = is_limited

    def __next__(self) -> Pulled:
        self.start()
        while not (images := self.take(1)):
            if self.is_over:
                error = None if self._threads.is_closed else self.error
                self.close()
                if isinstance(error, StopIteration):
                    message = "the preparation of an image raised StopIteration"
                    raise RuntimeError(message) from error
                raise error or StopIteration
            self._threads.wait(self.look(monotonic()))
        return images[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """End the threads: those that wait at once, the others after what they read. No more images come."""
        self._threads.close()

    # For a consumer that does not wait

    def limit(self, limits: Limits) -> None:
        """Take the limits of the consumer, where no others were given. They hold for what is read from now on."""
        if not self._is_limited:
            self._threads.limits = limits

    def start(self) -> None:
        """Start the threads, if that has not been done.

        Raises:
            MachineError: the system has no thread left.
        """
        self._threads.start()

    def take(self, most: int) -> Sequence[Pulled]:
        """Return at most so many images that are ready, perhaps none."""
        return self._threads.take(most)

    @property
    def ready(self) -> int:
        """How many images can be taken now."""
        return len(self._threads.ready)

    @property
    def is_over(self) -> bool:
        """Whether there are no images left to take, now or later."""
        return self._threads.is_over

    @property
    def error(self) -> BaseException | None:
        """What the items, or the preparation of one, ended with; it is to be raised when the iterator is over."""
        return self._threads.error

    def listen(self, on_news: Callable[[], None] | None) -> None:
        """Have a function called, in any thread, when an image is ready and when there are no more."""
        self._threads.on_news = on_news

    def look(self, now: float) -> float:
        """Give up what takes too long; return when to look again (monotonic seconds)."""
        return self._threads.look(now)


def read_ahead(
    items: Iterable[Item],
    prepare: Callable[[Item], Read | PendingOperation] | None = None,
    *,
    limits: Limits | None = None,
    threads: int = 8,
    most_images: int = 64,
    most_bytes: int = 32 * 1_048_576,
    ordered: bool = False,
    within_s: float = READ_WITHIN_S,
) -> ReadAhead:
    """Return an iterator of the images of these items, which threads read before they are asked for.

        with read_ahead(items, threads=16) as images:
            for result in client.analyze_many(images, languages=["*"]):
                ...

    `prepare` reads an item in one of the threads, and may change what it read, or return the operation that has the
    item already; without it, that is `item.read(limits)`. Without `limits` they are those of the client that takes the
    images, so that files of ocr/v1 may have 10 MiB, and else the defaults. Images come as they are ready or, when
    `ordered`, in the order of the items.
    `VisionClient.analyze_many` goes on with its results while no image is ready.

    One more thread pulls the items, no more than `most_images` and about `most_bytes` ahead of what has been taken.
    It also reads those that are passing, with `limits`, before `prepare` gets them.

    An item that is not ready within `within_s` seconds becomes an image with an error: its thread is given up, and
    another one takes its place. An exception of `items` or of `prepare` is raised after the images of the items that
    had been pulled before. Nothing is pulled before the first image is asked for. `close()` ends the threads, and so
    does dropping the iterator.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: a number is below 1, or `within_s` is not above 0.
        MachineError: while iterating, when the system has no thread left.
        TimeoutError: while iterating, when nothing further can be read because too much hangs.
    """
    is_one = isinstance(cast("object", items), str | bytes | os.PathLike | Item)
    if is_one or not isinstance(cast("object", items), Iterable):
        raise wrong_type(items, "items", "an iterable of Items, as open_places(...) returns one")
    if not isinstance(cast("object", limits), Limits | None):
        raise wrong_type(limits, "limits", "Limits, such as Limits(content_bytes=4_000_000)")
    if not (prepare is None or callable(cast("object", prepare))):
        raise wrong_type(prepare, "prepare", "a function that reads an Item")
    threads, most_images = check_count("threads", threads), check_count("most_images", most_images)
    most_bytes, ordered = check_count("most_bytes", most_bytes), check_flag("ordered", ordered)
    within_s = check_seconds("within_s", within_s)

    bounds = Bounds(threads, most_images, most_bytes, within_s)
    is_limited = limits is not None
    return ReadAhead(
        AheadThreads(items, prepare, Limits() if limits is None else limits, bounds, ordered=ordered),
        is_limited=is_limited,
    )
