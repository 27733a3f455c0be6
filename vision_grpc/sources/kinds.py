"""What a file is by its name: an image that can be sent, one that can be fitted, a container, or something else."""

import re
from enum import Enum

SENDABLE = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png"})
PAGED = frozenset({".pdf", ".tif", ".tiff"})
"""Documents of pages, which are opened when images are fitted."""

FITTABLE = PAGED | {".webp", ".bmp", ".gif", ".avif", ".heic", ".heif"}
TARS = frozenset({".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"})
CONTAINERS = TARS | {".parquet"}
"""Files that hold images under names of their own."""

NO_SUFFIX = "no suffix"
# What follows the last dot of `scan.0001` or of `Dr. Smith` says nothing of a format.
_SUFFIX = re.compile(r"(?<=[^.])(?:\.tar(?=\.(?:gz|bz2|xz|zst)\Z))?\.(?=\d*[a-z])[a-z0-9]{1,8}\Z", re.IGNORECASE)


class Kind(Enum):
    """What can be done with a file."""

    SENDABLE = "sendable"
    FITTABLE = "fittable"
    CONTAINER = "container"
    OTHER = "other"


def suffix_of(name: str) -> str:
    """Return the suffix of a name or path in lower case, such as `.png` or `.tar.gz`; empty if it has no suffix."""
    found = _SUFFIX.search(name)
    return found[0].lower() if found else ""


def kind_of(suffix: str) -> Kind:
    """Return what can be done with files of this suffix, which is in lower case."""
    if suffix in SENDABLE:
        return Kind.SENDABLE
    if suffix in FITTABLE:
        return Kind.FITTABLE
    return Kind.CONTAINER if suffix in CONTAINERS else Kind.OTHER
