"""One run: images from their sources to a sink of results. It speaks to no terminal."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from threading import Lock, get_ident
from typing import TypeAlias, TypeVar

from vision_grpc.api.api import Model
from vision_grpc.bulk.budget import Budget
from vision_grpc.bulk.ending import Ending
from vision_grpc.bulk.failures import is_refusal
from vision_grpc.bulk.flight import Flight
from vision_grpc.bulk.operations import Operations
from vision_grpc.bulk.outgoing import Outgoing
from vision_grpc.bulk.progress import Progress
from vision_grpc.bulk.sink import Sink
from vision_grpc.client import VisionClient
from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.session.stop import Stop
from vision_grpc.sources.ahead import ReadAhead, read_ahead
from vision_grpc.sources.files import ImageSource, image_of
from vision_grpc.sources.fit import Change, Fitted
from vision_grpc.sources.formats import MOST_BYTES
from vision_grpc.sources.image import PendingOperation, Pulled
from vision_grpc.sources.item import Item, Read

_T = TypeVar("_T")

Prepare: TypeAlias = Callable[[Item], Read]
"""Reads an item and makes it fit to be sent, in any thread."""

LOOK_EVERY_S = 1.0
"""How often it is looked whether there is space for more results."""

_ANY_SIZE = Limits(content_bytes=MOST_BYTES)
_UNREAD = ImageError(Code.CANCELLED, "not read, as the run ends")


class _Left(BaseException):
    """Ends a read that a signal handler has interrupted."""


class BulkRun:
    """Reads the images that it is given, each once, as far as its limits allow.

    `max_images` is the most that it sends; `budget` bounds what it may cost: what the client's tape has counts for
    neither. `prepare` makes an item fit. With `is_slow`, items are read ahead in threads, so that no result waits for a
    slow source; without it they are read by the client, which is cheapest for files on a disk of this machine. After
    `stop.ask()` the run ends with the results of the calls in flight, and of the files that the service has accepted.

    With `deferred`, and without saying where the API has operations, files are sent to operations, see
    `VisionClient.analyze_many`. `operations` are those of earlier runs, and keep those of this one on record. `limits`
    are those of the client.

    Images whose answers were lost are not sent again where that could cost more than the budget; the run goes on with
    others as long as units are left. A call that is refused for its credentials or folder ends the run as a stop does,
    and its images get no result: another run may read them. Nor is anything sent while the sink has no space for it.
    """

    def __init__(
        self,
        client: VisionClient,
        items: Iterable[Item],
        sink: Sink,
        progress: Progress,
        *,
        languages: Sequence[str] = ("*",),
        model: Model | None = None,
        ordered: bool = False,
        prepare: Prepare | None = None,
        is_slow: bool = False,
        max_images: int | None = None,
        budget: Budget | None = None,
        flight: Flight | None = None,
        stop: Stop | None = None,
        deferred: bool | None = None,
        operations: Operations | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self._client = client
        self._items = iter(items)
        self._sink = sink
        self._progress = progress
        self._languages = languages
        self._model: Model | None = model
        self._ordered = ordered
        self._prepare = prepare
        self._is_slow = is_slow
        self._deferred = deferred
        self._limits = limits
        self._outgoing = Outgoing(most_images=max_images, budget=budget, operations=operations, has_pages=limits.pdf)
        self._budget = budget
        self._stop = Stop() if stop is None else stop
        self._flight = flight
        self._kept_answers = 0
        self._looks_at = 0.0
        self._held: Item | None = None
        self._again: deque[Item] = deque()
        self._bound: Ending | None = None
        self.refusal: ImageError | None = None
        """Why the service refused a call for its credentials or folder, None if it did not."""
        self._error: Exception | None = None
        # Of the stream under way: it ends with the run, or earlier where sending again could cost too much.
        self._stream_stop = Stop()
        # The thread that reads ahead may still wait for an item when the next stream begins.
        self._pulling, self._deciding = Lock(), Lock()
        self._reader: int | None = None
        if flight is not None:
            flight.on_lost = self._lose
            flight.on_accepted = self._accept

    def results(self) -> Generator[ImageResult, None, Ending]:
        """Yield each result when the sink has it; the generator returns why the run ended.

        Raises:
            VisionError: the service cannot be called, as `VisionClient.analyze_many` raises it.
            Exception: the sink has no space or fails, as it raises it.
        """
        self._check_space()
        while True:
            self._stream_stop = stop = Stop()
            self._stop.wakes(self, stop.ask)
            if self._stop.is_asked:
                stop.ask()
            try:
                with closing(self._images(stop)) as images, closing(self._stream(images, stop)) as stream:
                    for result in stream:
                        if is_refusal(result):
                            self._give_up(result)
                        elif result.error is _UNREAD:
                            continue
                        elif (item := self._outgoing.send_again(result)) is not None:
                            self._again.append(item)
                        else:
                            yield self._keep(result)
                            self._look_for_space()
            finally:
                self._stop.wakes_no_longer(self)
            if (ending := self._ending()) is not None:
                return ending

    def interrupt(self) -> None:
        """Ask for the end, in a signal handler: what this thread reads at the moment is not waited for."""
        self._stop.ask()
        if self._reader == get_ident():
            raise _Left

    @property
    def unwritten(self) -> int:
        """Images, at most, whose answers have come and which the sink does not have."""
        answered = 0 if self._flight is None else self._flight.answered
        return min(len(self._outgoing), max(0, answered - self._kept_answers))

    @property
    def lost(self) -> int:
        """Units, at most, that are billed for images whose answers were lost."""
        return self._outgoing.lost

    def _check_space(self) -> None:
        self._looks_at = time.monotonic() + LOOK_EVERY_S
        self._sink.check_space()

    def _look_for_space(self) -> None:
        """Send no more where the answers of the calls in flight need the space that is left."""
        if self._error is None and time.monotonic() >= self._looks_at:
            try:
                self._check_space()
            except Exception as error:  # noqa: BLE001 - raised again when the stream has ended
                self._error = error
                self._stream_stop.ask()

    def _stream(self, images: Iterable[ImageSource], stop: Stop) -> Generator[ImageResult, None, None]:
        return self._client.analyze_many(
            images,
            languages=self._languages,
            model=self._model,
            ordered=self._ordered,
            stop=stop,
            deferred=self._deferred,
        )

    def _images(self, stop: Stop) -> "Generator[Item | Pulled, None, None] | ReadAhead":
        released = self._released(stop)
        if self._prepare is not None:
            # An image that passes is read before it is made to fit, so that it may be larger than what is sent.
            prepare = partial(self._fit, self._prepare)
            return read_ahead(released, prepare, limits=_ANY_SIZE, ordered=self._ordered)
        if self._is_slow:
            return read_ahead(released, self._read_ahead, limits=self._limits, ordered=self._ordered)
        return self._in_place(released)

    def _in_place(self, items: Iterable[Item]) -> Generator[Item | Pulled, None, None]:
        """Yield images that the thread of the results reads: the client when it sends them, or this one before."""
        for item in items:
            if self._outgoing[item.key].is_earlier:
                read = self._wait_for(partial(item.read, _ANY_SIZE))
                yield image_of(item, _UNREAD if read is None else self._admit(item, read))
            else:
                yield replace(item, read=partial(self._read, item))

    def _released(self, stop: Stop) -> Generator[Item, None, None]:
        """Yield the images that may be sent now, in the stream that has this stop."""
        while (item := self._next(stop)) is not None:
            yield item

    def _next(self, stop: Stop) -> Item | None:
        with self._pulling:
            if self._held is None and not stop.is_asked:
                self._held = self._again.popleft() if self._again else self._wait_for(lambda: next(self._items, None))
            with self._deciding:
                if stop.is_asked:
                    return None
                if self._held is None:
                    self._bound = Ending.COMPLETE
                elif (limit := self._outgoing.claim(self._held)) is not None:
                    self._bound = limit
                else:
                    item, self._held = self._held, None
                    return item
        return None

    def _read(self, item: Item, limits: Limits) -> Read:
        """Read an item in the thread of the results."""
        read = self._wait_for(lambda: item.read(limits))
        admitted = None if read is None else self._outgoing.admit(item, read)
        return _UNREAD if admitted is None else admitted

    def _read_ahead(self, item: Item) -> Read | PendingOperation:
        """Read an item, in a thread."""
        return self._admit(item, item.read(self._limits))

    def _wait_for(self, read: Callable[[], _T]) -> _T | None:
        """Return what a source gives; None if a signal has come before it."""
        try:
            self._reader = get_ident()
            given = None if self._stop.is_asked else read()
            self._reader = None  # Here too: what comes within `finally` would not be caught.
        except _Left:
            return None
        finally:
            self._reader = None
        return given

    def _fit(self, prepare: Prepare, item: Item) -> Read | PendingOperation:
        """Prepare an item, in a thread."""
        read = prepare(item)
        is_changed = isinstance(read, Fitted) and not (read.change.is_unchanged and read.change.pixel_map.is_identity)
        return self._admit(item, read, read.change if isinstance(read, Fitted) and is_changed else None)

    def _admit(self, item: Item, read: Read, change: Change | None = None) -> Read | PendingOperation:
        """Return what the client gets of an item that was read: the operation that has it already, if there is one."""
        if (pending := self._outgoing.take_up(item, read)) is not None:
            return pending
        admitted = self._outgoing.admit(item, read, change)
        return _UNREAD if admitted is None else admitted

    def _give_up(self, result: ImageResult) -> None:
        """Send no more after a call that was refused for what all calls share."""
        self.refusal = result.error
        self._outgoing.drop(result.key)
        self._stream_stop.ask()

    def _keep(self, result: ImageResult) -> ImageResult:
        """Hand a result on, with its boxes in the pixels of the original."""
        billed_units = self._outgoing.settle(result)
        result.check()
        out = self._outgoing[result.key]
        if out.change is not None:
            result = out.change.restore(result)
        self._sink.write(result, out.sent, out.change)
        self._outgoing.finish(result)
        self._kept_answers += result.outcome is not None and result.transport != "tape"
        self._progress.finish(result, billed_units=billed_units)
        return result

    def _ending(self) -> Ending | None:
        """Return why the run is over when a stream has ended; None where units of the budget are left for more.

        Raises:
            Exception: what could not be put on record.
        """
        if self._error is not None:
            raise self._error
        budget = self._budget
        with self._deciding:
            self._stream_stop.ask()
            if budget is not None:
                budget.release()
        if self._stop.is_asked and (self._outgoing or self._again or self._bound is None):
            return Ending.INTERRUPTED
        if self.refusal is not None:
            return Ending.REFUSED
        has_units = budget is not None and self._bound in {None, Ending.BUDGET} and budget.left > 0
        # Images that were on the tape do not count.
        if has_units or (self._bound is Ending.LIMIT and self._outgoing.may_send):
            self._bound = None
            return None
        if self._bound is Ending.COMPLETE:
            if self._again:
                self._bound = None
                return None
            # What is still out was lost, or could not be sent any more.
            return Ending.BUDGET if self._outgoing else self._outgoing.held_back or Ending.COMPLETE
        return Ending.BUDGET if self._bound is None else self._bound

    def _lose(self, keys: Iterable[str]) -> None:
        """Count images whose answers were lost: they are not sent again where that could cost too much.

        The client calls this, and lets no error through.
        """
        try:
            self._outgoing.lose(keys)
        except Exception as error:  # noqa: BLE001 - raised again when the stream has ended
            self._error = error
        if self._error is not None or (self._budget is not None and self._budget.is_exceeded):
            self._stream_stop.ask()

    def _accept(self, key: str, operation_id: str) -> None:
        """Put on record what the service has accepted. The client calls this, and lets no error through."""
        try:
            self._outgoing.accept(key, operation_id)
        except Exception as error:  # noqa: BLE001 - as above
            self._error = error
            self._stream_stop.ask()
