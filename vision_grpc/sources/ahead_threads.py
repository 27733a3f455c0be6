"""The threads that read ahead: one pulls items, several prepare them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import partial
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX, Lock
from time import monotonic
from typing import NamedTuple, TypeVar

from vision_grpc.config import Limits
from vision_grpc.errors import Code, MachineError
from vision_grpc.results import ImageError
from vision_grpc.sources.files import image_of
from vision_grpc.sources.image import Image, PendingOperation, Pulled, Rejection
from vision_grpc.sources.item import Item, Read
from vision_grpc.sources.time_limit import counted
from vision_grpc.texts.arguments import wrong_type
from vision_grpc.texts.quoting import quote_name
from vision_grpc.threads import start_thread

_T = TypeVar("_T")

_END = object()
MOST_HUNG = 64
"""So many threads that do not come back are enough to say that nothing can be read."""


class Bounds(NamedTuple):
    """How many threads prepare items, and how far ahead."""

    threads: int
    most_images: int
    """Items that were pulled and whose images were not taken."""
    most_bytes: int
    """Bytes of those. An item whose size is not known before it is read counts as much as the limits allow, but no more
    than leaves each thread an item to read and one that is next."""
    within_s: float
    """How long the preparation of an item may take, without what it waits for memory (`time_limit.uncounted`)."""


@dataclass(slots=True)
class _Job:
    number: int
    item: Item = field(repr=False)
    expected_bytes: int
    began_at: float = 0.0


class AheadThreads:
    """What the threads and the consumer share.

    What several threads write is written under a lock. `close` takes no lock, as a finalizer may call it in the
    middle of anything.
    """

    def __init__(
        self,
        items: Iterable[Item],
        prepare: Callable[[Item], Read | PendingOperation] | None,
        limits: Limits,
        bounds: Bounds,
        *,
        ordered: bool,
    ) -> None:
        self._items = items
        self._prepare = prepare
        self.limits = limits
        self._bounds = bounds
        self.ready: deque[Pulled] = deque()
        self.error: BaseException | None = None
        """What the items, or the preparation of one, ended with."""
        self.on_news: Callable[[], None] | None = None
        self.is_closed: bool = False
        self._lock = Lock()
        self._is_started = self._has_ended = False
        self._todo: SimpleQueue[_Job | None] = SimpleQueue()
        self._under_way: dict[int, _Job] = {}
        # What is not next in order; None stands for an exception.
        self._early: dict[int, Pulled | None] | None = {} if ordered else None
        self._next = 0
        self._workers = self._hung = 0
        # How many items were pulled, ended with an exception, and were taken as images.
        self._pulled = self._lost = self._taken = 0
        self._held_bytes = self._taken_bytes = 0
        self._is_parked = self._is_awaited = False
        self._room: SimpleQueue[None] = SimpleQueue()
        self._news: SimpleQueue[None] = SimpleQueue()

    # For the consumer

    def start(self) -> None:
        """Start the threads, once.

        Raises:
            MachineError: the system has no thread left.
        """
        if self._is_started or self.is_closed:
            return
        self._is_started = True
        try:
            # First, for without it there is nothing to do; fewer of the others than wanted do the same work.
            start_thread(partial(copy_context().run, self._pull), "vision-grpc-ahead-source")
            for _ in range(self._bounds.threads):
                self._hire()
        except MachineError:
            if not self._workers:
                self.close()
                raise

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to take, now or later."""
        has_ended = self._has_ended or self.error is not None
        return self.is_closed or (has_ended and self._taken + self._lost == self._pulled)

    def take(self, most: int) -> Sequence[Pulled]:
        """Return at most so many images that are ready."""
        images = [self.ready.popleft() for _ in range(min(most, len(self.ready)))]
        if images:
            self._taken_bytes += sum([_size(image) for image in images])
            self._taken += len(images)
            self._unpark()
        return images

    def wait(self, until: float) -> None:
        """Wait until an image is ready or there are no more, at most until a time (monotonic seconds)."""
        self._is_awaited = True
        if not (self.ready or self.is_over):
            with suppress(Empty):
                self._news.get(timeout=min(max(0.0, until - monotonic()), TIMEOUT_MAX))
        self._is_awaited = False

    def look(self, now: float) -> float:
        """Give up what takes too long; return when to look again."""
        next_look = now + self._bounds.within_s
        for job in self._under_way.copy().values():
            ends_at = job.began_at + self._bounds.within_s
            if now < ends_at:
                next_look = min(next_look, ends_at)
            elif self._under_way.pop(job.number, None) is not None:
                self._give_up(job)
        return next_look

    def close(self) -> None:
        """Let the threads end."""
        if not self.is_closed:
            self.is_closed = True
            self._items = ()
            for _ in range(self._workers):
                self._todo.put(None)
            self._room.put(None)
            self._news.put(None)
            self.ready.clear()

    # The thread that pulls

    def _pull(self) -> None:
        items: Iterator[Item] = iter(())
        try:
            items, self._items = iter(self._items), ()
            while self._wait_for_room() and (item := next(items, _END)) is not _END:
                self._offer(item)
        except BaseException as error:  # noqa: BLE001 - raised again for the consumer
            self.error = self.error or error
        self._has_ended = True
        self._report()
        # Also after an error: a source may hold files and connections open.
        if (close := getattr(items, "close", None)) is not None:
            close()

    def _offer(self, item: object) -> None:
        if not isinstance(item, Item):
            raise wrong_type(item, f"items[{self._pulled}]", "an Item, as open_places(...) returns them")
        job = _Job(self._pulled, item, self._expect(item))
        self._pulled += 1
        with self._lock:
            self._held_bytes += job.expected_bytes
        if item.is_passing:
            result = self._do(job, lambda: (item.read(self.limits),))
            if result is None:
                return
            if isinstance(result, BaseException):
                self._finish(job, result)
                return
            job.item = replace(item, read=_giver(*result), is_passing=False)
        self._todo.put(job)

    def _read(self, item: Item) -> Read | PendingOperation:
        return item.read(self.limits) if self._prepare is None else self._prepare(item)

    def _expect(self, item: Item) -> int:
        """Return how many bytes the item counts before it is ready."""
        if item.content_bytes is not None:
            return item.content_bytes
        return min(self.limits.content_bytes, self._bounds.most_bytes // (2 * self._bounds.threads))

    def _wait_for_room(self) -> bool:
        """Wait until another item may be pulled; return False when none is wanted any more."""
        while not (self.is_closed or self.error):
            if self._has_room(1):
                return True
            self._is_parked = True
            if not self._has_room(1):
                self._room.get()
        return False

    def _has_room(self, divisor: int) -> bool:
        """Whether less is held than this part of what may be."""
        images, held_bytes = self._pulled - self._lost - self._taken, self._held_bytes - self._taken_bytes
        most_images, most_bytes = self._bounds.most_images / divisor, self._bounds.most_bytes / divisor
        return images == 0 or (images < most_images and held_bytes < most_bytes)

    def _unpark(self) -> None:
        # Not for each image: a hop between threads costs as much as reading a file.
        if self._is_parked and self._has_room(2):
            self._is_parked = False
            self._room.put(None)

    # The threads that prepare

    def _hire(self) -> None:
        start_thread(partial(copy_context().run, self._work), "vision-grpc-ahead")
        self._workers += 1

    def _work(self) -> None:
        while self._do_next():
            pass

    def _do_next(self) -> bool:
        """Do the next job and forget it, for it may hold an image; return whether this thread goes on."""
        if (job := self._todo.get()) is None or self.is_closed:
            return False
        image = self._do(job, lambda: image_of(job.item, self._read(job.item)))
        if image is None:
            with self._lock:
                self._hung -= 1
            return False
        self._finish(job, image)
        return True

    def _do(self, job: _Job, work: Callable[[], _T]) -> _T | BaseException | None:
        """Return what the work for a job returns or raises; None if it was given up meanwhile."""
        result: _T | BaseException
        try:
            with counted(job):
                self._under_way[job.number] = job
                result = work()
        except BaseException as error:  # noqa: BLE001 - raised again for the consumer
            error.add_note(f"{quote_name(job.item.key)} was being read")
            result = error
        return None if self._under_way.pop(job.number, None) is None else result

    def _finish(self, job: _Job, image: Pulled | BaseException) -> None:
        made = None if isinstance(image, BaseException) else image
        with self._lock:
            self._held_bytes += _size(image) - job.expected_bytes
            if self._early is None:
                self._append(made)
            else:
                self._early[job.number] = made
                while self._next in self._early:
                    self._append(self._early.pop(self._next))
                    self._next += 1
            if isinstance(image, BaseException):
                self._lost += 1
                self.error = self.error or image
        self._unpark()
        self._report()

    def _append(self, image: Pulled | None) -> None:
        if image is not None and not self.is_closed:
            self.ready.append(image)

    def _report(self) -> None:
        if self._is_awaited:
            self._is_awaited = False
            self._news.put(None)
        if self.on_news is not None:
            self.on_news()

    # What hangs

    def _give_up(self, job: _Job) -> None:
        """Give an item an error in place of its content, and its thread's place to another one."""
        name, within = quote_name(job.item.key), f"{self._bounds.within_s:g} s"
        self._finish(job, _refusal(job, f"not read within {within}: the disk, store or pipe that has it hangs"))
        if job.item.is_passing:
            self.error = self.error or TimeoutError(f"{name} was not read within {within}, nor what comes after it")
            return
        with self._lock:
            self._hung += 1
        self._workers -= 1
        if self._hung >= MOST_HUNG:
            self._stop(TimeoutError(f"{self._hung} images were not read within {within} each, {name} the last"))
            return
        try:
            self._hire()
        except MachineError as error:
            if not self._workers:
                self._stop(error)

    def _stop(self, error: Exception) -> None:
        """End with an error now; what was pulled is not read any more."""
        self.error = self.error or error
        with suppress(Empty):
            while True:
                if (job := self._todo.get_nowait()) is not None:
                    self._finish(job, _refusal(job, f"not read: {error}"))


def _giver(read: Read) -> Callable[[Limits], Read]:
    return lambda limits: read  # noqa: ARG005 - it has been read


def _refusal(job: _Job, fault: str) -> Rejection:
    key = job.item.key
    return Rejection(key, ImageError(Code.DEADLINE_EXCEEDED, f"{quote_name(key)}: {fault}"))


def _size(image: Pulled | BaseException) -> int:
    return len(image.content) if isinstance(image, Image) else 0
