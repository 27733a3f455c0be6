"""Keep a tape within its limits while answers are recorded on it."""

import logging
import math
import random
import time
from threading import Lock, Thread

from vision_grpc.errors import MachineError
from vision_grpc.tape.errors import TapeError
from vision_grpc.tape.prune import prune
from vision_grpc.tape.store import Store
from vision_grpc.texts.quoting import quote_name
from vision_grpc.threads import begin_anew_in_children, start_thread

_log = logging.getLogger("vision_grpc.tape")

_PART = 16


class Upkeep:
    """Prunes a tape each time a sixteenth of what it may hold was written, or a sixteenth of the age has passed.

    So listing the tape, which takes 10 us an entry, comes to 0.2 ms or less for each entry that is written, in a thread
    of its own. Where a process begins within that part is left to chance: many short processes then prune as often
    together as a long one does, and need to know nothing of each other.
    """

    def __init__(
        self, store: Store, most_bytes: int | None, most_age_s: float | None, *, first: float | None = None
    ) -> None:
        self._store = store
        self._most_bytes = most_bytes
        self._most_age_s = most_age_s
        first = random.random() if first is None else first  # noqa: S311 - no secret
        self._bytes_each = None if most_bytes is None else most_bytes / _PART
        self._bytes_left = first * (self._bytes_each or 0)
        self._seconds_each = None if most_age_s is None else most_age_s / _PART
        self._next_at = time.monotonic() + first * (self._seconds_each or 0)
        self.forked()
        begin_anew_in_children(self)

    def forked(self) -> None:
        """Begin anew in a forked child; see `Forkable`."""
        self._lock = Lock()
        self._thread: Thread | None = None

    def wrote(self, size: int) -> None:
        """Prune in a thread of its own if it is time to; wait for it where much more was written meanwhile."""
        if self._bytes_each is None and self._seconds_each is None:
            return
        with self._lock:
            self._bytes_left -= size
            if self._thread is None or not self._thread.is_alive():
                if self._is_due():
                    self._start()
                return
            thread, is_behind = self._thread, self._bytes_left < -(self._bytes_each or math.inf)
        if is_behind:
            thread.join()

    def _start(self) -> None:
        try:
            self._thread = start_thread(self._prune, "vision-grpc-tape")
        except MachineError:
            return  # The next one tries again.
        self._bytes_left = self._bytes_each or 0
        self._next_at = time.monotonic() + (self._seconds_each or 0)

    def _is_due(self) -> bool:
        is_full = self._bytes_each is not None and self._bytes_left <= 0
        return is_full or (self._seconds_each is not None and time.monotonic() >= self._next_at)

    def _prune(self) -> None:
        # So much less that it is not exceeded until the next time.
        most_bytes = None if self._most_bytes is None else self._most_bytes - self._most_bytes // _PART
        try:
            pruned = prune(self._store, most_bytes=most_bytes, most_age_s=self._most_age_s)
        except TapeError as error:
            _log.warning("the tape was not pruned: %s", error)
        else:
            if pruned.unremoved:
                path = quote_name(pruned.unremoved_path)
                _log.warning("permission to remove files of the tape is denied: %d, such as %s", pruned.unremoved, path)
