"""What a file is by its name: an image that can be sent, one that can be fitted, a container, or something else."""

import re
from enum import Enum

SENDABLE = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png"})
PAGED = frozenset({".pdf", ".tif", ".tiff"})
"""Documents of pages, which are opened when images are fitted."""

FITTABLE = PAGED | {".webp", ".bmp", ".gif", ".avif", ".heic", ".heif", ".hif", ".jp2", ".j2k", ".pbm", ".pgm", ".ppm"}
TARS = frozenset({".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"})
CONTAINERS = TARS | {".parquet"}
"""Files that hold images under names of their own."""

NO_SUFFIX = "no suffix"
_KNOWN = SENDABLE | FITTABLE | CONTAINERS
_COMPRESSED = frozenset({".gz", ".bz2", ".xz", ".zst"})
# What follows the last dot of `scan.0001` or of `Dr. Smith` says nothing of a format.
_FORMAT = re.compile(r"(\.tar)?\.\d*[a-z][a-z0-9]{0,7}")


class Kind(Enum):
    """What can be done with a file."""

    SENDABLE = "sendable"
    FITTABLE = "fittable"
    CONTAINER = "container"
    OTHER = "other"


def suffix_of(name: str) -> str:
    """Return the suffix of a name or path in lower case, such as `.png` or `.tar.gz`; empty if it has no suffix."""
    dot = name.rfind(".")
    suffix = name[dot:].lower()
    if suffix in _COMPRESSED and name[:dot].lower().endswith(".tar"):
        suffix, dot = f".tar{suffix}", dot - len(".tar")
    # Before the dot of `.png`, a hidden file, there is no name.
    if dot <= 0 or name[dot - 1] in "./\\":
        return ""
    return suffix if suffix in _KNOWN or _FORMAT.fullmatch(suffix) else ""


def sample_of(path: str) -> str:
    """Return a path up to the first dot of its name: what belongs together has it in common, as in WebDataset."""
    folder, slash, name = path.rpartition("/")
    return folder + slash + name.partition(".")[0]


def is_hidden(path: str) -> bool:
    """Return whether a part of a path, which has slashes, begins with a dot."""
    return "." in path and any(part.startswith(".") and part not in {".", ".."} for part in path.split("/"))


def kind_of(suffix: str) -> Kind:
    """Return what can be done with files of this suffix, which is in lower case."""
    if suffix in SENDABLE:
        return Kind.SENDABLE
    if suffix in FITTABLE:
        return Kind.FITTABLE
    return Kind.CONTAINER if suffix in CONTAINERS else Kind.OTHER
