"""A file that grows by whole lines, and is written to disk about once a second."""

import logging
import os
from pathlib import Path
from threading import Event, Lock, Thread

from vision_grpc.bulk.journal.errors import JournalError, name_of
from vision_grpc.bulk.journal.lost import keep_lost
from vision_grpc.bulk.journal.opening import is_in_place
from vision_grpc.bulk.space import check_space
from vision_grpc.threads import start_thread

SYNC_EVERY_S = 1.0
"""How old a line may become before it is on the disk: what a power loss may cost. A crash costs nothing."""

_log = logging.getLogger(__name__)
# macOS has none.
_sync_data = getattr(os, "fdatasync", os.fsync)


class JournalFile:
    """The end of an open journal. A thread writes it to disk; what goes wrong there is raised by the next call.

    The file descriptor was opened for appending, and is closed by `close`.
    """

    def __init__(self, fd: int, path: Path) -> None:
        self._fd = fd
        self._path = path
        self._name = name_of(path)
        os.lseek(fd, 0, os.SEEK_END)
        # A budget is noted by the thread that reads ahead.
        self._lock = Lock()
        self._error: JournalError | None = None
        self._is_told = False
        self._changed, self._ended = Event(), Event()
        self._thread: Thread | None = None

    def append(self, lines: bytes) -> None:
        """Write whole lines; what could be written of them only in part is cut off again.

        Raises:
            JournalError: the disk is full or failed, the file was deleted or replaced; now or at a call before.
        """
        with self._lock:
            self._append(lines)

    def _append(self, lines: bytes) -> None:
        self._raise()
        written = 0
        try:
            while written < len(lines):
                written += os.write(self._fd, memoryview(lines)[written:])
        except OSError as error:
            self._error = JournalError.of(error, self._path)
            self._cut(written)
            self._is_told = True
            raise self._error from error
        if not self._changed.is_set():
            self._changed.set()
            if self._thread is None:
                self._thread = start_thread(self._keep_syncing, "vision-grpc journal")

    def check_space(self) -> None:
        """Check that there is space for more lines.

        Raises:
            JournalError: there is none.
        """
        try:
            check_space(self._fd)
        except OSError as error:
            raise JournalError.of(error, self._path) from error

    def sync(self) -> None:
        """Write to disk what was appended.

        Raises:
            JournalError: as `append`.
        """
        self._sync()
        self._raise()

    def close(self) -> None:
        """Write to disk what was appended, and close the file, which unlocks it.

        Raises:
            JournalError: as `append`, unless a call has raised the error already.
        """
        if self._fd < 0:
            return
        self._ended.set()
        self._changed.set()
        if self._thread is not None:
            self._thread.join()
        self._sync()
        fd, self._fd = self._fd, -1
        os.close(fd)
        if not self._is_told:
            self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            self._is_told = True
            raise self._error

    def _keep_syncing(self) -> None:
        while self._error is None:
            self._changed.wait()
            if self._ended.wait(SYNC_EVERY_S):
                return
            self._changed.clear()
            self._sync()

    def _sync(self) -> None:
        try:
            _sync_data(self._fd)
            with self._lock:  # A copy of a deleted file has to have all that was written.
                if self._error is None and not is_in_place(self._fd, self._path):
                    self._error = keep_lost(self._fd, self._path)
        except OSError as error:
            if self._error is None:
                self._error = JournalError.of(error, self._path)

    def _cut(self, written: int) -> None:
        """Cut off what was just written in part; the next run would do so, too."""
        try:
            # Appending has moved the position to the end.
            os.ftruncate(self._fd, os.lseek(self._fd, 0, os.SEEK_CUR) - written)
        except OSError:
            _log.warning("%s: ends in the middle of a line, which the next run cuts off", self._name)
