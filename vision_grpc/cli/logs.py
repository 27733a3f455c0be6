"""The library's log, on stderr."""

import logging
import os

from vision_grpc.cli.flags import in_flags
from vision_grpc.cli.stderr import tell_lines


def show_logs(level: int) -> None:
    """Print what the library logs at this level and above.

    gRPC's own log, of lines that repeat what the errors say, is left out above DEBUG unless the
    environment asks for it. It is set up when gRPC is imported, so call this before.
    """
    if level > logging.DEBUG:
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    handler = _StderrHandler()
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("vision_grpc")
    logger.addHandler(handler)
    logger.setLevel(level)


class _Formatter(logging.Formatter):
    """Makes one line of a message, in which names of files and words of services are; tracebacks follow it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging gives it
        return " ".join(super().formatMessage(record).split())


class _StderrHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        line, *traceback = in_flags(self.format(record)).splitlines()
        # Set off, for what an exception says may look like a line of the log.
        tell_lines("\n".join([line, *(f"  {part}" for part in traceback)]))
