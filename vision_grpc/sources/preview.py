"""What is known of an image before it is sent, at the price of a look at its file."""

import os
import stat
from typing import NamedTuple

from vision_grpc.config import Limits
from vision_grpc.contract.foreign import name_foreign
from vision_grpc.contract.image_header import check_image, may_exceed_pixels
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources.files import explain_unread, read_file
from vision_grpc.sources.formats import FORMATS, explain_foreign, raised_to_fit, too_large, unfit
from vision_grpc.sources.item import Item
from vision_grpc.sources.kinds import Kind, kind_of, suffix_of
from vision_grpc.texts.quoting import quote_name

TOO_LARGE = "too large"
"""What images are counted as that are fitted for their size."""

# The header of most images. Where it comes later, as after a large preview, the whole file is read.
_HEAD_BYTES = 16_384


class Preview(NamedTuple):
    """What is known of an image."""

    content_bytes: int | None = None
    """The size of its file, None where that is not known before it is read."""

    error: ImageError | None = None
    """What it surely ends with; an image without may end with one all the same."""

    fitted: str | None = None
    """What it is counted as if it is fitted: its suffix, its format, or `TOO_LARGE`; None where nothing says so."""


class _Seen(NamedTuple):
    """What a look at a file has shown."""

    size: int
    head: bytes


def preview(item: Item, limits: Limits, *, fits: bool) -> Preview:
    """Return what is known of an image; of a file on this machine, its first bytes are read.

    `fits` says whether images are fitted. No error is foretold that reading the image would not end with.
    """
    if item.error is not None:
        return Preview(item.content_bytes, item.error)
    known = _preview(item, limits, fits=fits)
    if known.error is None or item.origin is None:
        return known
    return known._replace(error=known.error.at(str(item.origin)))


def _preview(item: Item, limits: Limits, *, fits: bool) -> Preview:
    seen = None if item.path is None else _look(item.path)
    if isinstance(seen, ImageError):
        return Preview(item.content_bytes, seen)
    size = item.content_bytes if seen is None else seen.size
    bound = raised_to_fit(limits) if fits else limits
    is_empty = size == 0 if seen is None else not seen.head  # Of files in /proc, the size is 0.
    if is_empty:
        return Preview(size, _refuse(item, b"", limits))
    if size is not None and size > bound.content_bytes:
        return Preview(size, too_large(item.key if item.path is None else item.path, size, bound))
    if fits:
        return _foresee_fitting(item, size, seen, limits)
    return Preview(size, None if seen is None else _foresee_refusal(item, seen, limits))


def _look(path: str) -> _Seen | ImageError | None:
    """Return what a file shows; why it cannot be read; None for one that may be read only once, such as a pipe."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path may change the spelling
        if not stat.S_ISREG(status.st_mode):
            return None
        with open(path, "rb") as file:  # noqa: PTH123
            return _Seen(status.st_size, file.read(_HEAD_BYTES))
    except (OSError, ValueError, MemoryError) as error:
        return explain_unread(path, error)


def _foresee_refusal(item: Item, seen: _Seen, limits: Limits) -> ImageError | None:
    content = _enough_of(item, seen, limits)
    return content if isinstance(content, ImageError) else _refuse(item, content, limits)


def _foresee_fitting(item: Item, size: int | None, seen: _Seen | None, limits: Limits) -> Preview:
    suffix = suffix_of(item.key if item.path is None else item.path)
    of_suffix = suffix if kind_of(suffix) is Kind.FITTABLE else None
    is_large = size is not None and size > limits.content_bytes
    if seen is None:
        return Preview(size, fitted=of_suffix or (TOO_LARGE if is_large else None))
    kind = name_foreign(seen.head)
    if kind is None:
        is_large = is_large or _foresee_refusal(item, seen, limits) is not None
        return Preview(size, fitted=TOO_LARGE if is_large else None)
    if kind in FORMATS:
        return Preview(size, fitted=of_suffix or FORMATS[kind].name)
    error = ImageError(Code.INVALID_ARGUMENT, f"{quote_name(item.key)}: {explain_foreign(kind)}")
    return Preview(size, error)


def _enough_of(item: Item, seen: _Seen, limits: Limits) -> bytes | ImageError:
    """Return as much of a file as it takes to say what is wrong with it."""
    is_whole = len(seen.head) < _HEAD_BYTES
    if item.path is None or is_whole or not may_exceed_pixels(seen.head, limits):
        return seen.head
    return read_file(item.path, limits)


def _refuse(item: Item, content: bytes, limits: Limits) -> ImageError | None:
    fault = check_image(content, limits)
    return None if fault is None else unfit(item.key, fault, content)
