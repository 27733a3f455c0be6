"""A journal as the place where the results of a run go."""

from vision_grpc.bulk.journal import Journal
from vision_grpc.bulk.run import Sent
from vision_grpc.results import ImageResult
from vision_grpc.sources.fit import Change


class JournalSink:
    """Adds results to a journal."""

    def __init__(self, journal: Journal) -> None:
        self._write = journal.write

    def write(self, result: ImageResult, sent: Sent, change: Change | None) -> None:
        """Add a result."""
        item, started_at = sent
        self._write(result, started_at=started_at, change=change, languages=item.languages, model=item.model)
