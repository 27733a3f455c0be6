"""Which files are opened, and by what."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from vision_grpc.sources.item import Entry
from vision_grpc.sources.kinds import TARS
from vision_grpc.sources.options import SourceOptions

Open: TypeAlias = Callable[[str, SourceOptions], Iterator[Entry]]
"""Yields what is in a file, a folder or a store.

It raises nothing for what is wrong with that: this is a Fault, or the error of an Item.
"""


def opener_of(suffix: str, options: SourceOptions) -> Open | None:
    """Return what opens the files of a suffix (`suffix_of`), None where a file is one image.

    What opens them is imported here, when it is first needed: it may need an extra.
    """
    del options
    match suffix:
        case _ if suffix in TARS:
            from vision_grpc.sources.containers.tar import open_tar

            return open_tar
        case ".parquet":
            from vision_grpc.sources.containers.parquet import open_parquet

            return open_parquet
        # A case for each format, such as `case ".pdf" if options.fit:`.
        case _:
            return None
