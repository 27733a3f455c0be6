"""A file for one process at a time."""

import logging
import os
from pathlib import Path

from vision_grpc.bulk.journal.errors import NAME_ANOTHER, JournalError, name_of
from vision_grpc.errors import Advice

_log = logging.getLogger(__name__)
_LOCKS = Path("/proc/locks")


def lock(fd: int, path: Path) -> None:
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
