"""A run's results in a file that is its own checkpoint."""

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from time import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from vision_grpc.bulk.journal.accepted import Accepted, render_accepted
from vision_grpc.bulk.journal.errors import JournalError, name_of
from vision_grpc.bulk.journal.file import JournalFile
from vision_grpc.bulk.journal.header import (
    Settings,
    check_format,
    check_head,
    render_billed,
    render_end,
    render_header,
)
from vision_grpc.bulk.journal.line import Answers, LineWriter
from vision_grpc.bulk.journal.opening import open_locked, read_first_line, resolve, set_aside, sync_folder
from vision_grpc.bulk.journal.reader import open_journal
from vision_grpc.bulk.journal.recorded import Recorded
from vision_grpc.bulk.journal.recovery import Findings, mend, scan
from vision_grpc.errors import Advice
from vision_grpc.results import ImageResult

if TYPE_CHECKING:
    from vision_grpc.bulk.sink import Sent
    from vision_grpc.sources.fit import Change

_log = logging.getLogger(__name__)


class Journal:
    """An open journal: `done` says which images may be left out, `write` adds a result, `accept` what is to be fetched.

    Made by `open`. It belongs to one thread. When `write` returns, the system has the line, so that no end of this
    process can lose it; about a second later it is on the disk.
    """

    def __init__(self, file: JournalFile, lines: LineWriter, done: Recorded, *, kept_aside: Path | None) -> None:
        self._file = file
        self._lines = lines
        self.done = done
        """What has been recorded by earlier runs."""
        self.was_resumed: bool = len(done) > 0
        """Whether earlier runs have recorded anything in this file."""
        self.kept_aside = kept_aside
        """Where the journal is kept in whose place this one was begun; None if there was none."""

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        settings: Settings,
        *,
        answers: Answers = "wire",
        restart: bool = False,
        retry_failed: bool = False,
    ) -> Self:
        """Return the journal of a run with these settings: a new one, or one that an earlier run left.

        What a crash or a power loss has damaged is mended, and logged. With `restart`, an old journal is renamed to
        `path.1` (or `.2`, ...) and a new one is begun.

        Raises:
            JournalError: the file is something else than a journal, or cannot be written, or another process writes it.
            OtherSettingsError: it was begun with other settings.
        """
        path = resolve(path)
        fd = open_locked(path)
        try:
            head = read_first_line(fd, path)
            kept_aside = None
            if head is not None and restart:
                kept_aside = _set_aside(path)
                fd, old = open_locked(path), fd
                os.close(old)
                head = None
            done = Recorded(retry_failed=retry_failed)
            if head is None:
                _begin(fd, path, settings)
            else:
                check_head(head, settings, path)
                _resume(fd, path, done)
            return cls(JournalFile(fd, path), LineWriter(answers), done, kept_aside=kept_aside)
        except BaseException as error:
            os.close(fd)
            if isinstance(error, OSError):
                raise JournalError.of(error, path) from error
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.close()
        except JournalError as failure:
            if error is None:
                raise
            error.add_note(str(failure))

    def write(
        self,
        result: ImageResult,
        sent: "Sent | None" = None,
        change: "Change | None" = None,
        *,
        finished_at: float | None = None,
    ) -> None:
        """Add the line of a result; `finished_at` is a time as of `time.time`, now if it is not given.

        `sent` is what is known about its image, and `change` what was done to that to send it.

        Raises:
            JournalError: the disk is full or failed, or the file was deleted; all lines before are whole.
        """
        now = time() if finished_at is None else finished_at
        self._file.append(self._lines.render(result, sent, change, finished_at=now))

    def accept(self, accepted: Accepted) -> None:
        """Add that the service has accepted a file, whose result the next run fetches if this one does not.

        Raises:
            JournalError: as `write`.
        """
        self._file.append(render_accepted(accepted))

    def check_space(self) -> None:
        """Check that there is space for more lines.

        Raises:
            JournalError: there is none.
        """
        self._file.check_space()

    def note_billed(self, at_most: int) -> None:
        """Add how many units may have been billed by all runs, lost answers included.

        To say that before it is true makes a limit hold even where this process is killed.

        Raises:
            JournalError: as `write`.
        """
        self._file.append(render_billed(at_most))

    def finish(self, counts: Mapping[str, object]) -> None:
        """Add the line of a run that came to its end, and write everything to disk.

        Raises:
            JournalError: as `write`.
        """
        self._file.append(render_end(counts))
        self._file.sync()

    def close(self) -> None:
        """Write everything to disk and let others have the file.

        Raises:
            JournalError: as `write`, unless that has raised the error already.
        """
        self._file.close()


def look_at_accepted(path: str | os.PathLike[str]) -> Sequence[Accepted]:
    """Return the files that a journal has recorded as accepted and not as read, without changing or locking it.

    Raises:
        JournalError: it is not a journal, or cannot be read.
    """
    done, path = Recorded(), Path(path)
    with open_journal(path) as file:
        if (head := read_first_line(file.fileno(), path)) is not None:
            check_format(head, name_of(path), [Advice("use that program")])
        file.seek(0)
        scan(file, done)
    return [*done.accepted.values()]


def look(path: str | os.PathLike[str], settings: Settings, *, retry_failed: bool = False) -> Recorded:
    """Return what a journal has recorded, nothing if there is none, without changing or locking it.

    Raises:
        JournalError: as `Journal.open`.
    """
    done, path = Recorded(retry_failed=retry_failed), Path(path)
    try:
        with FileIO(path) as file:
            head = read_first_line(file.fileno(), path)
            if head is not None:
                check_head(head, settings, path)
                file.seek(0)
                scan(file, done)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise JournalError.of(error, path) from error
    return done


def _begin(fd: int, path: Path, settings: Settings) -> None:
    header = render_header(settings)
    os.ftruncate(fd, 0)
    try:
        if os.write(fd, header) < len(header):
            os.write(fd, header[1:])  # It says why not all of it could be written.
        os.fsync(fd)
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise
    sync_folder(path)


def _resume(fd: int, path: Path, done: Recorded) -> None:
    with FileIO(fd, closefd=False) as file:
        file.seek(0)
        findings = scan(file, done)
    mend(path, findings)
    _report(findings, path)


def _set_aside(path: Path) -> Path:
    aside = set_aside(path)
    _log.info("%s: the old journal is kept as %s", name_of(path), name_of(aside))
    return aside


def _report(findings: Findings, path: Path) -> None:
    name = name_of(path)
    if findings.damaged:
        _log.warning(
            "%s: damaged lines, as after a power loss, were blanked (%d), and their images are sent again",
            name,
            len(findings.damaged),
        )
    if findings.cut_bytes:
        _log.warning(
            "%s: the end was not a whole line and was cut off (%d bytes); its image is sent again",
            name,
            findings.cut_bytes,
        )
