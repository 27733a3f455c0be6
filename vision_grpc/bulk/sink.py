"""Where the results of a run go."""

from typing import NamedTuple, Protocol

from vision_grpc.bulk.journal import Journal
from vision_grpc.results import ImageResult
from vision_grpc.sources.fit import Change
from vision_grpc.sources.item import Item


class Sent(NamedTuple):
    """What is known about an image that was handed to the client."""

    item: Item
    started_at: float
    """When that was, as of `time.time`."""


class Sink(Protocol):
    """Where results go."""

    def write(self, result: ImageResult, sent: Sent, change: Change | None) -> None:
        """Keep a result; `change` is what was done to the image so that it could be sent."""
        ...


class JournalSink:
    """Adds results to a journal."""

    def __init__(self, journal: Journal) -> None:
        self._write = journal.write

    def write(self, result: ImageResult, sent: Sent, change: Change | None) -> None:
        """Add a result."""
        item, started_at = sent
        self._write(result, started_at=started_at, change=change, languages=item.languages, model=item.model)
