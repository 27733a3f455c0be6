"""Files that hold private keys and other secrets."""

import logging
import os
from pathlib import Path

_LOG = logging.getLogger("vision_grpc.auth")
_READABLE_BY_OTHERS = 0o077


def read_key_file(place: Path, role: str) -> bytes:
    """Return what is in a file; one that others may read is warned of, by its role.

    Raises:
        OSError: it cannot be read.
    """
    content = place.read_bytes()
    warn_of_readers(place, role)
    return content


def why_unread(error: OSError | ValueError) -> str:
    """Return why a file could not be read, without its path: that may be the secret itself, pasted there."""
    return error.strerror or "unknown" if isinstance(error, OSError) else "it has characters that no path has"


def warn_of_readers(place: Path, role: str) -> None:
    """Warn of a file that holds a secret, by its role, when others may read it.

    Raises:
        OSError: it is not there.
    """
    if os.name == "posix" and place.stat().st_mode & _READABLE_BY_OTHERS:
        _LOG.warning("%s %s can be read by others: chmod 600 %s", role, place, place)
