"""One run: images from their sources to a sink of results. It speaks to no terminal."""

import time
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
from vision_grpc.bulk.progress import Progress
from vision_grpc.bulk.sink import Sent, Sink
from vision_grpc.client import VisionClient
from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.session.stop import Stop
from vision_grpc.sources.ahead import ReadAhead, read_ahead
from vision_grpc.sources.files import ImageSource
from vision_grpc.sources.fit import Change, Fitted
from vision_grpc.sources.formats import MOST_BYTES
from vision_grpc.sources.item import Item, Read

_T = TypeVar("_T")

Prepare: TypeAlias = Callable[[Item], Read]
"""Reads an item and makes it fit to be sent, in any thread."""

LOOK_EVERY_S = 1.0
"""How often it is looked whether there is space for more results."""

_UNREAD = ImageError(Code.CANCELLED, "not read, as the run ends")


class _Left(BaseException):
    """Ends a read that a signal handler has interrupted."""


class BulkRun:
    """Reads the images that it is given, each once, as far as its limits allow.

    `max_images` is the most that it sends; `budget` bounds what it may cost. `prepare` makes an item fit. With
    `is_slow`, items are read ahead in threads, so that no result waits for a slow source; without it they are read by
    the client, which is cheapest for files on a disk of this machine. After `stop.ask()` the run ends with the results
    of the calls in flight.

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
        self._images_left = max_images
        self._budget = budget
        self._stop = Stop() if stop is None else stop
        self._flight = flight
        self._kept_answers = 0
        self._looks_at = 0.0
        self._out: dict[str, Sent] = {}
        self._changes: dict[str, Change] = {}
        self._held: Item | None = None
        self._bound: Ending | None = None
        self.refusal: ImageError | None = None
        """Why the service refused a call for its credentials or folder, None if it did not."""
        self._error: Exception | None = None
        # Of the stream under way: it ends with the run, or earlier where sending again could cost too much.
        self._stream_stop = Stop()
        # The thread that reads ahead may still wait for an item when the next stream begins.
        self._pulling, self._deciding = Lock(), Lock()
        self._reader: int | None = None
        if budget is not None and flight is not None:
            flight.on_lost = partial(self._lose, budget)

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
                        elif result.error is not _UNREAD:
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
        return min(len(self._out), max(0, answered - self._kept_answers))

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
            images, languages=self._languages, model=self._model, ordered=self._ordered, stop=stop
        )

    def _images(self, stop: Stop) -> "Generator[Item, None, None] | ReadAhead":
        released = self._released(stop)
        if self._prepare is not None:
            # An image that passes is read before it is made to fit, so that it may be larger than what is sent.
            limits = Limits(content_bytes=MOST_BYTES)
            return read_ahead(released, partial(self._fit, self._prepare), limits=limits, ordered=self._ordered)
        if self._is_slow:
            return read_ahead(released, ordered=self._ordered)
        return (replace(item, read=partial(self._read, item)) for item in released)

    def _released(self, stop: Stop) -> Generator[Item, None, None]:
        """Yield the images that may be sent now, in the stream that has this stop."""
        while (item := self._next(stop)) is not None:
            yield item

    def _next(self, stop: Stop) -> Item | None:
        with self._pulling:
            if self._held is None and not stop.is_asked:
                self._held = self._wait_for(lambda: next(self._items, None))
            with self._deciding:
                if stop.is_asked:
                    return None
                item, self._held = self._held, None
                if item is None:
                    self._bound = Ending.COMPLETE
                elif self._images_left == 0:
                    self._bound = Ending.LIMIT
                elif self._budget is not None and not self._budget.reserve():
                    self._held, self._bound = item, Ending.BUDGET
                else:
                    if self._images_left is not None:
                        self._images_left -= 1
                    self._out[item.key] = Sent(item, time.time())
                    return item
        return None

    def _read(self, item: Item, limits: Limits) -> Read:
        """Read an item in the thread of the results."""
        read = self._wait_for(lambda: item.read(limits))
        return _UNREAD if read is None else read

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

    def _fit(self, prepare: Prepare, item: Item) -> Read:
        """Prepare an item, in a thread."""
        read = prepare(item)
        if isinstance(read, Fitted) and not (read.change.is_unchanged and read.change.pixel_map.is_identity):
            self._changes[item.key] = read.change
        return read

    def _give_up(self, result: ImageResult) -> None:
        """Send no more after a call that was refused for what all calls share."""
        self.refusal = result.error
        self._out.pop(result.key)
        self._changes.pop(result.key, None)
        if self._budget is not None:
            self._budget.settle(billed=False)
        self._stream_stop.ask()

    def _keep(self, result: ImageResult) -> ImageResult:
        """Hand a result on, with its boxes in the pixels of the original."""
        is_billed = result.error is None
        if self._budget is not None:
            self._budget.settle(billed=is_billed)
        result.check()
        change = self._changes.pop(result.key, None)
        if change is not None:
            result = change.restore(result)
        self._sink.write(result, self._out[result.key], change)
        del self._out[result.key]
        self._kept_answers += result.outcome is not None
        self._progress.finish(result, billed_units=int(is_billed))
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
        if self._stop.is_asked and (self._out or self._bound is None):
            return Ending.INTERRUPTED
        if self.refusal is not None:
            return Ending.REFUSED
        if budget is not None and self._bound in {None, Ending.BUDGET} and budget.left > 0:
            self._bound = None
            return None
        # What is still out was lost, or could not be sent any more.
        return Ending.BUDGET if self._bound is None or (self._out and self._bound is Ending.COMPLETE) else self._bound

    def _lose(self, budget: Budget, images: int) -> None:
        """Count images whose answer was lost: they are not sent again where that could cost too much.

        The client calls this, and lets no error through.
        """
        try:
            budget.lose(images)
        except Exception as error:  # noqa: BLE001 - raised again when the stream has ended
            self._error = error
        if self._error is not None or budget.is_exceeded:
            self._stream_stop.ask()
