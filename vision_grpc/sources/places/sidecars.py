"""Texts beside images, as tools for OCR leave them: `scan.txt` or `scan.png.txt` beside `scan.png`."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from vision_grpc.sources.kinds import FITTABLE, SENDABLE

_SUFFIX = ".txt"
_PAGE = re.compile(r"#page=\d+\Z")


def is_sidecar(name: str, names: Sequence[str]) -> bool:
    """Return whether a file is the text of an image in the same folder, whose names are given in sorted order."""
    if not name.lower().endswith(_SUFFIX):
        return False
    of = _PAGE.sub("", name[: -len(_SUFFIX)])
    # Many names may begin like this one, as those of the texts of pages do: only those with a suffix are looked at.
    stem = f"{of}."
    at = bisect_left(names, stem)
    while at < len(names) and (other := names[at]).startswith(stem):
        rest = other[len(of) :].lower()
        if rest in SENDABLE or rest in FITTABLE:
            return True
        at += 1
    return _is_image(of) and bisect_left(names, of) < bisect_right(names, of)


def _is_image(name: str) -> bool:
    return name[name.rfind(".") :].lower() in SENDABLE | FITTABLE
