"""Which files are opened, and by what."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from vision_grpc.sources.item import Entry
from vision_grpc.sources.kinds import TARS
from vision_grpc.sources.options import SourceOptions

MOST_DOCUMENT_BYTES = 256 * 1_048_576
"""The largest document inside another container: it is read as a whole to be opened."""

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
