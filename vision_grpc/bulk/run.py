"""One run: images from their sources to a sink of results. It speaks to no terminal."""

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from functools import partial
from typing import NamedTuple, Protocol, TypeAlias

from vision_grpc.api.api import Model
from vision_grpc.bulk.budget import Budget
from vision_grpc.bulk.ending import Ending
from vision_grpc.bulk.flight import Flight
from vision_grpc.bulk.progress import Progress
from vision_grpc.client import VisionClient
from vision_grpc.config import Limits
from vision_grpc.results import ImageResult
from vision_grpc.session.stop import Stop
from vision_grpc.sources.ahead import ReadAhead, read_ahead
from vision_grpc.sources.files import ImageSource
from vision_grpc.sources.fit import Change, Fitted
from vision_grpc.sources.formats import MOST_BYTES
from vision_grpc.sources.item import Item, Read

Prepare: TypeAlias = Callable[[Item], Read]
"""Reads an item and makes it fit to be sent, in any thread."""


class Sent(NamedTuple):
    """What is known about an image that was handed to the client."""

    item: Item
    started_at: float
    """When that was, as of `time.time`."""


class Sink(Protocol):
    """Where results go."""

    def write(self, result: ImageResult, sent: Sent, change: Change | None) -> None:
        """Keep a result; `change` is what was done to the image so that it could be sent."""
        ...


class BulkRun:
    """Reads the images that it is given, each once, as far as its limits allow.

    `max_images` is the most that it sends; `budget` bounds what it may cost. `prepare` makes an item fit. With
    `is_slow`, items are read ahead in threads, so that a source which lets wait holds up no result; without it they
    are read by the client, which is cheapest for files on a disk of this machine. After `stop.ask()` the run ends with
    the results of the calls in flight.
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
        self._out: dict[str, Sent] = {}
        self._changes: dict[str, Change] = {}
        self._held: Item | None = None
        self._bound: Ending | None = None
        self._is_too_costly = False
        if budget is not None and flight is not None:
            flight.on_lost = self._lose

    def results(self) -> Generator[ImageResult, None, Ending]:
        """Yield each result when the sink has it; the generator returns why the run ended.

        Raises:
            VisionError: the service cannot be called, as `VisionClient.analyze_many` raises it.
        """
        while True:
            with closing(self._images()) as images, closing(self._stream(images)) as stream:
                for result in stream:
                    yield self._keep(result)
            if (ending := self._ending()) is not None:
                return ending

    def _stream(self, images: Iterable[ImageSource]) -> Generator[ImageResult, None, None]:
        return self._client.analyze_many(
            images, languages=self._languages, model=self._model, ordered=self._ordered, stop=self._stop
        )

    def _images(self) -> "Generator[Item, None, None] | ReadAhead":
        released = self._released()
        if self._prepare is not None:
            # What passes is read before it is prepared, as large as it is.
            limits = Limits(content_bytes=MOST_BYTES)
            return read_ahead(released, partial(self._fit, self._prepare), limits=limits, ordered=self._ordered)
        return read_ahead(released, ordered=self._ordered) if self._is_slow else released

    def _released(self) -> Generator[Item, None, None]:
        """Yield the images that may be sent now."""
        while (item := self._next()) is not None:
            self._out[item.key] = Sent(item, time.time())
            yield item

    def _next(self) -> Item | None:
        item, self._held = self._held or next(self._items, None), None
        if item is None:
            self._bound = Ending.COMPLETE
        elif self._images_left == 0:
            self._bound = Ending.LIMIT
        elif self._budget is not None and not self._budget.reserve():
            self._held, self._bound = item, Ending.BUDGET
        else:
            if self._images_left is not None:
                self._images_left -= 1
            return item
        return None

    def _fit(self, prepare: Prepare, item: Item) -> Read:
        """Prepare an item, in a thread."""
        read = prepare(item)
        if isinstance(read, Fitted) and not (read.change.is_unchanged and read.change.pixel_map.is_identity):
            self._changes[item.key] = read.change
        return read

    def _keep(self, result: ImageResult) -> ImageResult:
        """Hand a result on, with its boxes in the pixels of the original."""
        is_billed = result.error is None
        sent = self._out.pop(result.key)
        if self._budget is not None:
            self._budget.settle(billed=is_billed)
        result.check()
        change = self._changes.pop(result.key, None)
        if change is not None:
            result = change.restore(result)
        self._sink.write(result, sent, change)
        self._progress.finish(result, billed_units=int(is_billed))
        return result

    def _ending(self) -> Ending | None:
        """Return why the run is over when a stream has ended; None where images that were not billed leave room."""
        budget = self._budget
        if budget is not None:
            budget.release()
        if self._stop.is_asked and (self._out or self._bound is None):
            return Ending.BUDGET if self._is_too_costly else Ending.INTERRUPTED
        has_room = budget is not None and self._bound is Ending.BUDGET and budget.left > 0
        return None if has_room else self._bound

    def _lose(self, images: int) -> None:
        """Count images whose answer was lost: they are not sent again where that could cost too much."""
        if self._budget is not None:
            self._budget.lose(images)
            if self._budget.is_exceeded:
                self._is_too_costly = True
                self._stop.ask()
