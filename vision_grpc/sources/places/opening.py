"""What a PATH stands for: an image on stdin, a file, a folder, a container or a store."""

import os
import stat
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from vision_grpc.config import Limits
from vision_grpc.results import ImageError
from vision_grpc.sources.containers.openers import MOST_DOCUMENT_BYTES, open_content, opener_of, suffix_of_content
from vision_grpc.sources.files import HEAD_BYTES, explain_unread, read_file, read_head
from vision_grpc.sources.item import Entry, Item
from vision_grpc.sources.kinds import Kind, kind_of, suffix_of
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.folder import open_folder
from vision_grpc.sources.places.stdin import STDIN, open_stdin
from vision_grpc.sources.places.urls import STORE_SCHEMES, path_of_url, refuse_url, scheme_of


def open_places(places: Iterable[str], options: SourceOptions) -> Iterator[Entry]:
    """Yield what is in each of the places, one after another, as `open_place` does."""
    for place in places:
        yield from open_place(place, options)


def open_place(place: str, options: SourceOptions) -> Iterator[Entry]:
    """Yield what is in a place: an Item for a file, whatever it is called, and all images of anything larger.

    The place is a path, a URL or `STDIN`.
    """
    if place != STDIN:
        return open_path_or_url(place, options)
    return _open_stdin(options) if options.fit else iter((Item(STDIN, _read_stdin),))


def open_path_or_url(place: str, options: SourceOptions) -> Iterator[Entry]:
    """Yield what is in a place that is not `STDIN`: `-` is the name of a file here."""
    match scheme_of(place):
        case None:
            return open_path(place, options)
        case "file" if (path := path_of_url(place)) is not None:
            return open_path(path, options)
        case scheme if scheme in STORE_SCHEMES:
            from vision_grpc.sources.places.store import open_store

            return open_store(place, options)
        case _:
            return iter((refuse_url(place),))


def open_path(path: str, options: SourceOptions) -> Iterator[Entry]:
    """Yield what a path leads to. The key of a file is its `plain_path`."""
    path = plain_path(path)
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path would cost more than the rest
    except (OSError, ValueError):
        return iter((Item(path, partial(read_file, path), path=path),))  # Reading it reports the error.
    if stat.S_ISDIR(status.st_mode):
        return open_folder(path, options)
    is_file = stat.S_ISREG(status.st_mode)
    suffix = suffix_of(path)
    if options.fit and is_file and kind_of(suffix) is Kind.OTHER:
        suffix = suffix_of_content(_head_if_readable(path))
    if (opener := opener_of(suffix, options)) is not None:
        return opener(path, options)
    size = status.st_size if is_file else None
    return iter((Item(path, partial(read_file, path), size, path=path),))


def plain_path(path: str) -> str:
    """Return a path without parts that mean nothing, such as `./`."""
    # A Path is slow, and would change nothing of most paths.
    is_plain = os.sep == "/" and not (path.startswith("./") or path.endswith("/") or "/." in path or "//" in path)
    return path if is_plain else str(Path(path))


def _head_if_readable(path: str) -> bytes:
    try:
        return read_head(path)
    except (OSError, ValueError, MemoryError):
        return b""  # Reading it reports the error.


def _open_stdin(options: SourceOptions) -> Iterator[Entry]:
    """Yield the image on stdin, or the pages of the document there."""
    content = _read_stdin(Limits(content_bytes=MOST_DOCUMENT_BYTES))
    head = content[:HEAD_BYTES] if isinstance(content, bytes) else b""
    yield from open_content(Item(STDIN, lambda _: content), head, options)


def _read_stdin(limits: Limits) -> bytes | ImageError:
    """Return the image on stdin; at most one byte more than the limit is read."""
    try:
        return open_stdin().read(limits.content_bytes + 1)
    except (OSError, MemoryError) as error:
        return explain_unread(STDIN, error)
