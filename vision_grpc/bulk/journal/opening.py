"""A journal's file, opened for one process: a new one, one that goes on, or a new one in place of an old one."""

import logging
import os
import stat
from collections.abc import Iterator
from io import FileIO
from itertools import count
from pathlib import Path

from vision_grpc.bulk.journal.errors import NAME_ANOTHER, JournalError, name_of
from vision_grpc.bulk.journal.header import BEGINNING, FORMAT, Head, parse_first_line
from vision_grpc.errors import Advice
from vision_grpc.texts.quoting import quote_name

_log = logging.getLogger(__name__)
# The longest first line: that of a run with thousands of sources.
_MOST_HEAD_BYTES = 16 << 20
_LOCKS = Path("/proc/locks")


def resolve(path: str | os.PathLike[str]) -> Path:
    """Return the path of a journal's file: of a link, that to which it leads.

    Raises:
        JournalError: no file can have this path.
    """
    try:
        return Path(os.path.realpath(path))
    except ValueError as error:
        problem = f"{quote_name(path)}: no file can have this name"
        raise JournalError(problem, advice=[NAME_ANOTHER]) from error


def open_locked(path: Path) -> int:
    """Return the descriptor of a journal's file, made if there is none, locked and open for reading and appending.

    Raises:
        JournalError: it cannot be opened, is not a regular file, or another process has it.
    """
    while True:
        _check_kind(path)
        fd = _open(path)
        try:
            _lock(fd, path)
            # While the lock was waited for, the file may have been set aside.
            if is_in_place(fd, path):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def is_being_written(path: str | os.PathLike[str]) -> bool:
    """Return whether a run has a journal open now, as far as the system knows."""
    try:
        import fcntl

        with FileIO(os.fspath(path)) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, ValueError, ImportError):
        return False
    return False


def read_first_line(fd: int, path: Path) -> Head | None:
    """Return what the first line of a journal says, None for a file that is still empty or has no line but this.

    A run that ended before its first result, as without credentials, does not bind later ones to its settings.

    Raises:
        JournalError: the file is something else.
    """
    with FileIO(fd, closefd=False) as file:
        file.seek(0)
        first = _read_line(file)
    if (head := parse_first_line(first)) is not None:
        has_more = os.fstat(fd).st_size > len(first)
        return head if has_more or head.format != FORMAT else None
    # The run that began it was killed in its first write.
    is_torn = first.startswith(BEGINNING) and not first.endswith(b"\n") and len(first) < _MOST_HEAD_BYTES
    if not first or is_torn:
        return None
    raise _not_a_journal(first, path)


def free_names(path: Path) -> Iterator[Path]:
    """Yield `path.1`, `path.2`, ...: those that exist, too, for only making a file says whether a name is free."""
    return (path.with_name(f"{path.name}.{number}") for number in count(1))


def set_aside(path: Path) -> Path:
    """Rename a file to the first free name of `path.1`, `path.2`, ..., and return that.

    Raises:
        OSError: it cannot be renamed.
    """
    for aside in free_names(path):
        try:
            aside.hardlink_to(path)
        except FileExistsError:
            continue
        except OSError:  # A file system without links: nobody else makes such names.
            if aside.exists():
                continue
            path.rename(aside)
        else:
            path.unlink()
        return aside
    raise AssertionError


def is_in_place(fd: int, path: Path) -> bool:
    """Return whether a path leads to an open file."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def sync_folder(path: Path) -> None:
    """Write to disk that there is a file of this name."""
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(folder)
    except OSError as error:
        _log.debug("the folder of %s cannot be synced: %s", name_of(path), error)
    finally:
        os.close(folder)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    except OSError as error:
        raise JournalError.of(error, path) from error


def _lock(fd: int, path: Path) -> None:
    """Lock an open file until it is closed; log a warning where the file system or the machine has no locks.

    Raises:
        JournalError: another process holds the lock.
    """
    name = name_of(path)
    try:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = _holder_of(fd)
        who = "another process" if holder is None else f"process {holder}"
        problem = f"{name}: {who} is writing this journal"
        raise JournalError(problem, advice=[Advice("wait until it has ended"), NAME_ANOTHER]) from error
    except (OSError, ImportError) as error:
        reason = getattr(error, "strerror", None) or "no flock"
        _log.warning("%s: cannot be locked here (%s): let no second process write it", name, reason)


def _holder_of(fd: int) -> int | None:
    """Return the process that holds the lock of a file, None where the system does not say."""
    status = os.fstat(fd)
    # As in `1: FLOCK  ADVISORY  WRITE 4711 fd:00:131090 0 EOF`; see proc_locks(5).
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        lines = _LOCKS.read_text().splitlines()
    except OSError:
        return None
    held = [line.split() for line in lines if " FLOCK " in line and "->" not in line]
    # Some file systems show another device here than to `fstat`.
    exact = [parts for parts in held if parts[5] == place] or [
        parts for parts in held if parts[5].rpartition(":")[2] == str(status.st_ino)
    ]
    holder = int(exact[0][4]) if len(exact) == 1 else 0
    return holder if holder > 0 else None


def _check_kind(path: Path) -> None:
    # Before it is opened: some devices begin to do something then.
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # Opening it says why, or makes it.
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        problem = f"{name_of(path)}: is not a regular file, which a journal has to be"
        raise JournalError(problem, advice=[NAME_ANOTHER])


def _read_line(file: FileIO) -> bytes:
    line = b""
    while len(line) < _MOST_HEAD_BYTES and (block := file.read(1 << 16)):
        start, newline, _ = block.partition(b"\n")
        line += start + newline
        if newline:
            break
    return line


def _not_a_journal(first: bytes, path: Path) -> JournalError:
    what = "is not a journal"
    if first.startswith(b'{"key":'):
        what = "has results without the first line of a journal"
    elif not first.strip(b"\0"):
        what = "is not a journal: it begins with zero bytes, as after a power loss"
    return JournalError(f"{name_of(path)}: {what}", advice=[NAME_ANOTHER, Advice("move it away")])
