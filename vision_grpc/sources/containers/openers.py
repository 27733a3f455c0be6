"""Which files are opened, and by what."""

from collections.abc import Callable, Iterator
from typing import IO, TypeAlias

from vision_grpc.config import Limits
from vision_grpc.contract.foreign import name_foreign
from vision_grpc.results import ImageError
from vision_grpc.sources.files import explain_unread
from vision_grpc.sources.item import Entry, Fault, Item
from vision_grpc.sources.kinds import TARS
from vision_grpc.sources.options import SourceOptions

MOST_DOCUMENT_BYTES = 256 * 1_048_576
"""The largest document inside another container or a store: it is read as a whole to be opened."""

Open: TypeAlias = Callable[[str, SourceOptions], Iterator[Entry]]
"""Yields what is in a file, a folder or a store.

It raises nothing for what is wrong with that: this is a Fault, or the error of an Item.
"""

OpenDocument: TypeAlias = Callable[[str | bytes, str, SourceOptions], Iterator[Entry]]
"""Yields the pages of a document: of a path or a content, whose key this is. It raises nothing either."""


def opener_of(suffix: str, options: SourceOptions) -> Open | None:
    """Return what opens the files of a suffix (`suffix_of`), None where a file is one image.

    What opens them is imported here, when it is first needed: it may need an extra.
    """
    if suffix in TARS:
        from vision_grpc.sources.containers.tar import open_tar

        return open_tar
    if suffix == ".parquet":
        from vision_grpc.sources.containers.parquet import open_parquet

        return open_parquet
    if (open_document := document_opener_of(suffix, options)) is not None:
        return lambda path, options: open_document(path, path, options)
    return None


def document_opener_of(suffix: str, options: SourceOptions) -> OpenDocument | None:
    """Return what opens documents of a suffix, also inside other containers; None where they are not to be opened."""
    match suffix:
        case ".pdf" if options.fit:
            from vision_grpc.sources.containers.pdf import open_pdf

            return open_pdf
        case ".tif" | ".tiff" if options.fit:
            from vision_grpc.sources.containers.tiff import open_tiff

            return open_tiff
        case _:
            return None


def open_file(path: str, read: Callable[[IO[bytes]], Iterator[Entry]]) -> Iterator[Entry]:
    """Yield what is read of a file, which is open until then; a Fault if it cannot be opened."""
    try:
        file = open(path, "rb")  # noqa: PTH123, SIM115 - a Path may change the spelling; closed below
    except (OSError, ValueError, MemoryError) as error:
        yield Fault(path, explain_unread(path, error))
        return
    with file:
        yield from read(file)


def suffix_of_content(head: bytes) -> str:
    """Return the suffix of documents whose content begins like this; empty for what is not a document."""
    match name_foreign(head):
        case "a PDF":
            return ".pdf"
        case "a TIFF":
            return ".tiff"
        case _:
            return ""


def open_content(item: Item, head: bytes, options: SourceOptions) -> Iterator[Entry]:
    """Yield an Item that has no suffix, or its pages where its content, of which this is the head, is a document."""
    open_document = document_opener_of(suffix_of_content(head), options)
    if open_document is None:
        yield item
        return
    content = item.read(Limits(content_bytes=MOST_DOCUMENT_BYTES))
    if not isinstance(content, bytes):
        error = content if isinstance(content, ImageError) else None
        yield Item(item.key, lambda _: content, place=item.place, error=error)
        return
    yield from open_inside(open_document, content, item.key, item.place, options)


def open_inside(
    open_document: OpenDocument, content: bytes, key: str, place: str | None, options: SourceOptions
) -> Iterator[Entry]:
    """Yield the pages of a document inside another container or a store, with the places of these pages."""
    held_bytes = len(content)
    for entry in open_document(content, key, options):
        if isinstance(entry, Item):
            if place is not None:
                entry.place = place + entry.key.removeprefix(key)
            entry.held_bytes, held_bytes = held_bytes, 0
        yield entry
