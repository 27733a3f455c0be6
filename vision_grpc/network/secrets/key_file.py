"""Files that hold private keys and other secrets."""

import logging
import os
from pathlib import Path

from vision_grpc.texts.quoting import quote_name

_LOG = logging.getLogger("vision_grpc.auth")
_READABLE_BY_OTHERS = 0o077


def read_key_file(path: Path, role: str) -> bytes:
    """Return the content of a file, and log a warning if other users can read the file.

    Raises:
        OSError: the file cannot be read.
    """
    content = path.read_bytes()
    warn_of_readers(path, role)
    return content


def why_unread(error: OSError | ValueError) -> str:
    """Return why a file could not be read, without its path: a secret may have been pasted in its place."""
    return error.strerror or "unknown" if isinstance(error, OSError) else "a path cannot have these characters"


def warn_of_readers(path: Path, role: str) -> None:
    """Log a warning if other users can read a file with a secret; `role` says what the file is.

    Raises:
        OSError: there is no such file.
    """
    if os.name == "posix" and path.stat().st_mode & _READABLE_BY_OTHERS:
        name = quote_name(path)
        _LOG.warning("%s %s can be read by others: chmod 600 %s", role, name, name)
