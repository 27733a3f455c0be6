"""Recognitions that do not end when they are told to, because no part of Tesseract's search for lines asks."""

import logging
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from functools import partial

from vision_grpc.local.ocr.engine import GivenUpError, OcrEngine, Picture
from vision_grpc.messages import TextAnnotation
from vision_grpc.threads import DaemonThreads

# How often a reading is looked at, and how long it may take to give up. Together this is much less than what remains
# of a call when the time of its pictures is over.
_LOOK_S = 0.1
_GIVING_UP_S = 0.3
# Each takes a core until it ends, and up to 200 MB.
_MOST_LEFT = 4

_log = logging.getLogger(__name__)


class LeavingEngine:
    """An engine whose pictures are left, when they are told to give up and do not, so that the next can be read.

    Each thread that reads has another one that works for it; it gets a new one when it leaves it to itself. At most
    four are left at once. Thread-safe.
    """

    def __init__(self, engine: OcrEngine, *, giving_up_s: float = _GIVING_UP_S) -> None:
        self._engine = engine
        self._giving_up_s = giving_up_s
        self._own = threading.local()
        self._may_leave = threading.Semaphore(_MOST_LEFT)

    def open(self, content: bytes) -> Picture:
        """Return the picture of a file.

        Raises:
            UnreadableImageError: the engine gets no picture from it.
        """
        return _LeavingPicture(self, self._engine.open(content))

    def recognize(self, work: Callable[[], TextAnnotation], give_up: Callable[[], bool]) -> TextAnnotation:
        """Return what `work` returns, or raise what it raises.

        Raises:
            GivenUpError: the work did not end though `give_up` had returned true.
        """
        worker = self._worker()
        reading = worker.submit(work)
        while not _ends(reading, _LOOK_S):
            if give_up() and not _ends(reading, self._giving_up_s) and self._may_leave.acquire(blocking=False):
                del self._own.worker
                reading.add_done_callback(lambda _: self._may_leave.release())
                _log.warning("the text of a picture is not waited for any longer; the engine will end by itself")
                raise GivenUpError
        return reading.result()

    def _worker(self) -> "_Worker":
        worker: _Worker | None = getattr(self._own, "worker", None)
        if worker is None:
            worker = self._own.worker = _Worker()
        return worker


class _LeavingPicture:
    def __init__(self, engine: LeavingEngine, picture: Picture) -> None:
        self.complete = picture.complete
        self._engine = engine
        self._picture = picture

    def recognize(self, *, languages: Sequence[str], model: str, give_up: Callable[[], bool]) -> TextAnnotation:
        work = partial(self._picture.recognize, languages=languages, model=model, give_up=give_up)
        return self._engine.recognize(work, give_up)


class _Worker:
    """A thread that ends when this is forgotten and its work is done."""

    def __init__(self) -> None:
        threads = DaemonThreads("vision-reading")
        self.submit = threads.submit
        weakref.finalize(self, threads.end).atexit = False


def _ends(reading: Future[TextAnnotation], timeout_s: float) -> bool:
    return bool(wait([reading], timeout_s).done)
