"""Whether there is space for more results, which is looked at before more is paid for."""

import errno
import os
import stat

LEAST_BYTES = 256 << 10
"""Space that has to be free: the answers of the calls in flight go there, too."""


def check_space(place: int | bytes) -> None:
    """Check the space for a file, given by its descriptor, or for files in a folder.

    Raises:
        OSError: the disk is full or nearly so, the file may hardly become larger, or a device takes nothing.
    """
    if isinstance(place, int):
        status = os.fstat(place)
        if not stat.S_ISREG(status.st_mode):
            os.write(place, b"")
            return
        if _most_bytes() - status.st_size < LEAST_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    if _free_bytes(place) < LEAST_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _most_bytes() -> float:
    """Return how large this process may make a file."""
    try:
        import resource
    except ImportError:
        return float("inf")
    most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return float("inf") if most == resource.RLIM_INFINITY else most


def _free_bytes(place: int | bytes) -> float:
    if not hasattr(os, "statvfs"):
        return float("inf")
    disk = os.statvfs(place)
    if disk.f_blocks == 0:  # A file system that does not say.
        return float("inf")
    return disk.f_frsize * (disk.f_bavail if os.geteuid() else disk.f_bfree)
