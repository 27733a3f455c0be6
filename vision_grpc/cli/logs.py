"""The library's log, on stderr."""

import copy
import logging
import os

from vision_grpc.cli.flags import in_flags
from vision_grpc.cli.stderr import join_lines, print_lines

DATED = "%(asctime)s %(levelname)s %(name)s: %(message)s"
"""The form of a line of the log."""
_IMAGES = "vision_grpc.images"


def show_logs(level: int) -> None:
    """Print what the library logs at this level and above.

    gRPC's own log repeats what the errors say: above DEBUG it is printed only if the environment
    asks for it. gRPC reads the setting when it is imported, so call this before.
    """
    if level > logging.DEBUG:
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    handler = _StderrHandler()
    # Images that failed are in what the command says itself.
    handler.addFilter(lambda record: record.name != _IMAGES)
    # Who does not follow the log reads its warnings among the errors of the command.
    handler.setFormatter(LineFormatter(DATED) if level < logging.WARNING else _PlainFormatter())
    logger = logging.getLogger("vision_grpc")
    logger.addHandler(handler)
    logger.setLevel(level)


class LineFormatter(logging.Formatter):
    """Makes one line of a message, as file names and answers of services may contain line breaks."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with flags in the advice of errors, and the traceback below it.

        The traceback is indented, as the text of an exception may look like a line of the log.
        """
        if isinstance(record.args, tuple):
            record = copy.copy(record)
            record.args = tuple(in_flags(part) if isinstance(part, Exception) else part for part in record.args or ())
        line, *traceback = super().format(record).splitlines()
        return "\n".join([line, *(f"  {part}" for part in traceback)])

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging gives it
        """Return the first line."""
        return join_lines(super().formatMessage(record))


class _PlainFormatter(LineFormatter):
    """Makes lines such as `warning: x.jsonl: cannot be locked here`, as those of errors."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging gives it
        return join_lines(f"{record.levelname.lower()}: {record.message}")


class _StderrHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print_lines(self.format(record))
