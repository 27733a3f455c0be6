"""The file of results that is its own checkpoint: whole after a crash, and read again by the next run."""

from vision_grpc.bulk.journal.accepted import Accepted
from vision_grpc.bulk.journal.errors import Difference, JournalError, OtherSettingsError
from vision_grpc.bulk.journal.journal import Journal, look, look_at_accepted
from vision_grpc.bulk.journal.line import Answers, LineWriter
from vision_grpc.bulk.journal.reader import Line, read_header, read_journal
from vision_grpc.bulk.journal.recorded import Recorded

__all__ = [
    "Accepted",
    "Answers",
    "Difference",
    "Journal",
    "JournalError",
    "Line",
    "LineWriter",
    "OtherSettingsError",
    "Recorded",
    "look",
    "look_at_accepted",
    "read_header",
    "read_journal",
]
