"""Images on their way to a result: how many may be sent, what they may cost, and which the service has accepted."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Lock

from vision_grpc.bulk.budget import Budget
from vision_grpc.bulk.ending import Ending
from vision_grpc.bulk.failures import is_tried_again
from vision_grpc.bulk.journal.accepted import Accepted
from vision_grpc.bulk.operations import Operations, hash_of, is_unanswered
from vision_grpc.bulk.sink import Sent
from vision_grpc.bulk.units import most_units_of, units_of
from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.sources.fit import Change
from vision_grpc.sources.image import PendingOperation
from vision_grpc.sources.item import Item, Read


@dataclass(slots=True)
class Out:
    """An image that has no result yet."""

    sent: Sent
    change: Change | None = None
    """What was done to it so that it can be sent."""
    units: int = 1
    """What it costs at most."""
    content_hash: str | None = None
    accepted: Accepted | None = None
    """Its operation, once the service has accepted it."""
    is_earlier: bool = False
    """Whether an earlier run has sent it."""


class Outgoing:
    """The images that a run has handed to the client, by their keys, until they have their results.

    No more than `most_images` are sent, and they cost no more than the `budget`. With `operations`, those that an
    earlier run has sent are not sent again. `has_pages` says that documents are sent as they are, and billed by page.
    Threads that read ahead admit images, another one has their results.
    """

    def __init__(
        self,
        *,
        most_images: int | None = None,
        budget: Budget | None = None,
        operations: Operations | None = None,
        has_pages: bool = False,
    ) -> None:
        self._images_left = most_images
        self._budget = budget
        self._operations = operations
        self._has_pages = has_pages
        self._out: dict[str, Out] = {}
        self._lock = Lock()
        self._lost = 0
        self.held_back: Ending | None = None
        """Which limit has held an image back whose content had been read already."""

    @property
    def lost(self) -> int:
        """Units of images whose answers were lost, and that may be billed all the same."""
        return self._lost + (0 if self._operations is None else self._operations.lost)

    @property
    def may_send(self) -> bool:
        """Whether another image may be sent, as far as their number is concerned."""
        return self._images_left != 0

    def __len__(self) -> int:
        return len(self._out)

    def __getitem__(self, key: str) -> Out:
        return self._out[key]

    def claim(self, item: Item) -> Ending | None:
        """Add an image, unless it would exceed a limit: return that."""
        is_earlier = self._operations is not None and self._operations.is_earlier(item.key)
        if not is_earlier and (limit := self._claim_one()) is not None:
            return limit
        self._out[item.key] = Out(Sent(item, time.time()), is_earlier=is_earlier)
        return None

    def take_up(self, item: Item, read: Read) -> PendingOperation | None:
        """Return the operation of an image, if an earlier run has sent what was read of it now."""
        out = self._out[item.key]
        if not out.is_earlier or self._operations is None:
            return None
        out.accepted = accepted = self._operations.take_up(item.key, _content_of(read))
        if accepted is None:
            return None
        out.units = accepted.units
        with suppress(LookupError, TypeError):  # A line that somebody has changed.
            out.change = None if accepted.fitted is None else Change.of_dict(accepted.fitted)
        return PendingOperation(item.key, accepted.operation_id)

    def admit(self, item: Item, read: Read, change: Change | None = None) -> Read | None:
        """Return what the client gets of an image that was read, None if it would exceed a limit."""
        out = self._out[item.key]
        limit = self._claim_one() if out.is_earlier else None
        if limit is None and (content := _content_of(read)) is not None:
            limit = self._claim_pages(out, content)
        if limit is not None:
            self.held_back = limit
            del self._out[item.key]
            return None
        out.is_earlier, out.change = False, change
        return read

    def accept(self, key: str, operation_id: str) -> None:
        """Take note that the service has accepted an image, whose content is not needed any more.

        Raises:
            Exception: that could not be put on record.
        """
        out = self._out[key]
        fitted = None if out.change is None else out.change.to_dict()
        out.accepted = Accepted(key, operation_id, time.time(), out.content_hash, fitted, out.units)
        out.sent = out.sent._replace(item=replace(out.sent.item, read=_read_no_more, held_bytes=0))
        if self._budget is not None:
            self._budget.settle(out.units, billed=out.units)
        if self._operations is not None:
            self._operations.accept(out.accepted)

    def lose(self, keys: Iterable[str]) -> None:
        """Count images whose answers were lost.

        Raises:
            Exception: that could not be put on record.
        """
        units = sum(self._out[key].units for key in keys if key in self._out)
        self._lost += units
        if self._budget is not None:
            self._budget.lose(units)

    def send_again(self, result: ImageResult) -> Item | None:
        """Return the image of a result that is sent again, as the operation of an earlier run came to nothing."""
        out = self._out[result.key]
        is_void = out.is_earlier and is_tried_again(result) and not is_unanswered(result)
        if not is_void or self._operations is None or out.accepted is None:
            return None
        # What passes cannot be read again in this run: the next one sends it.
        if out.sent.item.is_passing or not self._operations.sends_again:
            return None
        # Of an operation that is unknown, nobody knows whether it was carried out.
        is_unknown = result.error is not None and result.error.code is Code.NOT_FOUND
        self._operations.give_up(out.accepted, may_be_billed=is_unknown)
        if not is_unknown:
            self._settle(out, 0)
        del self._out[result.key]
        return out.sent.item

    def settle(self, result: ImageResult) -> int:
        """Return what is billed for a result, and count that; the image stays here until `finish`."""
        units, out = units_of(result), self._out[result.key]
        if out.accepted is None or not is_unanswered(result):
            self._settle(out, units)
        if result.transport == "tape":
            self._unclaim()
        return units

    def finish(self, result: ImageResult) -> None:
        """Remove the image of a result that is kept.

        Raises:
            Exception: its operation, which may still end well, could not be put on record.
        """
        out = self._out.pop(result.key)
        if out.accepted is None or self._operations is None:
            return
        if is_unanswered(result):
            self._operations.leave(out.accepted)
        else:
            self._operations.finish(result.key)

    def drop(self, key: str) -> None:
        """Remove an image that gets no result in this run."""
        out = self._out.pop(key)
        if out.accepted is None:
            self._settle(out, 0)

    def _claim_one(self) -> Ending | None:
        """Count an image that is sent; return the limit that it would exceed."""
        with self._lock:
            if self._images_left == 0:
                return Ending.LIMIT
            if self._budget is not None and not self._budget.reserve():
                return Ending.BUDGET
            if self._images_left is not None:
                self._images_left -= 1
        return None

    def _claim_pages(self, out: Out, content: bytes) -> Ending | None:
        """Reserve what a document costs beside the first unit; return the limit that it would exceed."""
        if self._operations is not None:
            out.content_hash = hash_of(content)
        if not self._has_pages or (self._budget is None and self._operations is None):
            return None
        out.units = most_units_of(content)
        if self._budget is None or out.units == 1 or self._budget.reserve(out.units - 1):
            return None
        self._budget.settle(1, billed=0)
        self._unclaim()
        return Ending.BUDGET

    def _unclaim(self) -> None:
        """Take an image back that is not sent after all."""
        with self._lock:
            if self._images_left is not None:
                self._images_left += 1

    def _settle(self, out: Out, billed: int) -> None:
        if self._budget is None:
            return
        if out.accepted is None:
            self._budget.settle(out.units, billed=billed)
        else:
            self._budget.correct(out.units, billed=billed)


def _content_of(read: Read) -> bytes | None:
    if isinstance(read, bytes):
        return read
    return None if isinstance(read, ImageError) else read.content


def _read_no_more(_: Limits) -> Read:
    return ImageError(Code.CANCELLED, "the service has this file already")
