"""What a source yields, with its images read."""

from collections.abc import Iterator
from typing import NamedTuple

from vision_grpc.config import Limits
from vision_grpc.results import ImageError
from vision_grpc.sources.item import Entry, Fault, Item, Made, Skipped


class Read(NamedTuple):
    """An image, and what reading it gave."""

    key: str
    content: bytes | Made | ImageError


def read_entries(source: Iterator[Entry]) -> Iterator[Read | Skipped | Fault]:
    """Yield the entries of a source; images are read, each before the next entry is asked for."""
    for entry in source:
        yield Read(entry.key, entry.read(Limits())) if isinstance(entry, Item) else entry
