"""The operations that the service knows: those under way, and results for as long as they are kept."""

import heapq
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.fate import Fate
from vision_grpc.local.calls.reply import CutStreamError
from vision_grpc.local.ocr_v1.operation import DeferredFile, Owner, StoredPages
from vision_grpc.messages import OcrTextAnnotation, RecognizeTextRequest, Status
from vision_grpc.texts.quoting import show

NOT_READY = "operation data is not ready"
"""What the cloud says of a result that is not there yet, and programs compare."""

_COME_AGAIN_S = 1.0
# So many expiries of what is forgotten already are not worth tidying up.
_FEW = 100
_CANCELLED = Status(code=Code.CANCELLED, message="the operation was cancelled")


class Usage(NamedTuple):
    """How much is remembered."""

    under_way: int
    ended: int
    bytes: int
    """Those of files that wait, and of results."""


class Operations:
    """Remembers at most `most` operations with at most `most_bytes`, and results for `kept_s` seconds. Thread-safe.

    Where there are too many or they take too much, results that nobody has asked for the longest are forgotten, as if
    their time were over; and new files are refused when all that is remembered is still to be read.
    """

    def __init__(
        self,
        *,
        most: int,
        most_bytes: int,
        kept_s: float,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._kept_s = kept_s
        self._clock = clock
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._under_way: dict[str, DeferredFile] = {}
        # The one that was asked for last at the end.
        self._ended: OrderedDict[str, DeferredFile] = OrderedDict()
        # By their ids: what is forgotten before its time holds no memory.
        self._expiries: list[tuple[float, str]] = []
        self._bytes = 0
        self.on_end: Callable[[Code], object] = lambda _: None
        """Is told the code of each operation that ends, in any thread."""

    @property
    def usage(self) -> Usage:
        """What is remembered now."""
        with self._lock:
            return Usage(len(self._under_way), len(self._ended), self._bytes)

    def now(self) -> float:
        """Return the time by which operations are ready."""
        return self._clock()

    def accept(self, request: RecognizeTextRequest, owner: Owner, *, test_id: str, fate: Fate) -> DeferredFile:
        """Return the operation of a file that is to be read.

        Raises:
            ServiceError: RESOURCE_EXHAUSTED, for too many files wait to be read.
        """
        size = request.ByteSize()
        with self._lock:
            self._drop_expired()
            self._make_room(size)
            file = DeferredFile(
                owner=owner,
                test_id=test_id,
                fate=fate,
                request=request,
                size=size,
                accepted_at=self._clock(),
                accepted_wall_s=self._wall_clock(),
            )
            self._under_way[file.id] = file
            self._bytes += size
            if fate.is_lost:
                self._forget(file)
            elif fate.error is not None:
                file.error = fate.error
                self._end(file)
            return file

    def find(self, operation_id: str, asking: Owner) -> DeferredFile:
        """Return an operation.

        Raises:
            ServiceError: NOT_FOUND, for it is unknown or its result is not kept any more; or PERMISSION_DENIED, for it
                is of another account or folder.
        """
        with self._lock:
            self._drop_expired()
            file = self._under_way.get(operation_id) or self._ended.get(operation_id)
            if file is None:
                raise self._unknown(operation_id)
            _check_owner(file.owner, asking)
            if operation_id in self._ended:
                self._ended.move_to_end(operation_id)
            return file

    def result(self, file: DeferredFile) -> StoredPages:
        """Return the pages of an operation.

        Raises:
            CutStreamError: it has failed when some of its pages had been read.
            ServiceError: it has failed or was cancelled, or it is not ready yet (NOT_FOUND).
        """
        with self._lock:
            if not file.is_ready(self._clock()):
                raise ServiceError(Code.NOT_FOUND, NOT_READY)
            pages, error = StoredPages(file.wires), file.error
        if error is None:
            return pages
        if not pages:
            raise ServiceError(Code.from_number(error.code), error.message)
        failed = CutStreamError(Code.from_number(error.code), error.message)
        failed.messages = pages
        raise failed

    def opened(self, file: DeferredFile, pages: int) -> None:
        """Take note of how many pages a file has, and let go of the request."""
        with self._lock:
            if not file.is_over:
                file.request = None
                file.pages = [None] * pages

    def add(self, file: DeferredFile, number: int, texts: Iterable[OcrTextAnnotation]) -> None:
        """Take a page that was read; with the last one, the operation is done."""
        wires = tuple(text.SerializeToString() for text in texts)
        with self._lock:
            if file.wants(number):
                file.pages[number] = wires
                self._resize(file, file.size + sum(map(len, wires)))
                self._end_if_read(file)

    def fail(self, file: DeferredFile, error: Status, number: int = 0) -> None:
        """End an operation with the error of a page, once the pages before it are read; later ones are not wanted."""
        with self._lock:
            if not file.is_over and (file.wants(number) or not file.pages):
                del file.pages[number:]
                file.error = error
                self._end_if_read(file)

    def cancel(self, file: DeferredFile) -> None:
        """End an operation early; one whose result is there stays as it is."""
        with self._lock:
            if file.is_ready(self._clock()):
                return
            file.fate = file.fate._replace(ready_after_s=0.0)
            file.pages = []
            file.error = _CANCELLED
            self._end(file)

    def forget(self, test_id: str | None = None) -> int:
        """Forget the operations of a test, None for all, and return how many; those under way are given up."""
        with self._lock:
            known = [*self._under_way.values(), *self._ended.values()]
            gone = [file for file in known if test_id in (None, file.test_id)]
            for file in gone:
                self._forget(file)
            return len(gone)

    def _make_room(self, size: int) -> None:
        """Forget results until there is room for one more file of so many bytes.

        Raises:
            ServiceError: all that is remembered is still to be read.
        """

        def is_full() -> bool:
            known = len(self._under_way) + len(self._ended)
            return known >= self._most or self._bytes + size > self._most_bytes

        while is_full() and self._ended:
            self._forget(next(iter(self._ended.values())))
        if is_full() and self._under_way:
            message = f"the service is busy: {len(self._under_way):,} files wait to be read in the background"
            raise ServiceError(Code.RESOURCE_EXHAUSTED, message, retry_after_s=_COME_AGAIN_S)

    def _end_if_read(self, file: DeferredFile) -> None:
        if None not in file.pages:
            self._end(file)

    def _end(self, file: DeferredFile) -> None:
        self._under_way.pop(file.id, None)
        self._ended[file.id] = file
        file.end(self._clock())
        self._resize(file, sum(map(len, file.wires)))
        self.on_end(Code.OK if file.error is None else Code.from_number(file.error.code))
        while self._bytes > self._most_bytes and len(self._ended) > 1:
            self._forget(next(iter(self._ended.values())))
        heapq.heappush(self._expiries, (self._expires_at(file), file.id))
        if len(self._expiries) > 2 * len(self._ended) + _FEW:
            self._expiries = [(self._expires_at(each), each.id) for each in self._ended.values()]
            heapq.heapify(self._expiries)

    def _expires_at(self, file: DeferredFile) -> float:
        """Return when the result of an operation is forgotten; infinity for one that has none yet."""
        kept_s = self._kept_s if file.fate.kept_s is None else file.fate.kept_s
        return math.inf if file.ready_at is None else file.ready_at + kept_s

    def _drop_expired(self) -> None:
        now = self._clock()
        while self._expiries and self._expiries[0][0] <= now:
            _, operation_id = heapq.heappop(self._expiries)
            file = self._ended.get(operation_id)
            if file is not None and self._expires_at(file) <= now:
                self._forget(file)

    def _forget(self, file: DeferredFile) -> None:
        file.is_over = True
        file.request = None
        if self._under_way.pop(file.id, None) or self._ended.pop(file.id, None):
            self._bytes -= file.size

    def _resize(self, file: DeferredFile, size: int) -> None:
        self._bytes += size - file.size
        file.size = size

    def _unknown(self, operation_id: str) -> ServiceError:
        message = (
            f"there is no operation {show(operation_id)}: results are kept for {_in_words(self._kept_s)}, "
            "and no longer than the service runs or than it has room for them"
        )
        return ServiceError(Code.NOT_FOUND, message)


def _check_owner(owner: Owner, asking: Owner) -> None:
    """Pass a caller who may ask about an operation; one who names no folder may, as accounts have one of their own.

    Raises:
        ServiceError: PERMISSION_DENIED.
    """
    if owner.account != asking.account:
        message = "the operation was started by another account"
        raise ServiceError(Code.PERMISSION_DENIED, message)
    if owner.folder_id and asking.folder_id not in {"", owner.folder_id}:
        message = f"the operation is not of the folder {show(asking.folder_id)}"
        raise ServiceError(Code.PERMISSION_DENIED, message)


def _in_words(seconds: float) -> str:
    for unit_s, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:g} {unit}"
    return f"{seconds:g} seconds"
