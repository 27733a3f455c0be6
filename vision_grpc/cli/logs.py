"""The library's log, on stderr."""

import logging
import sys


def show_logs(level: int) -> None:
    """Print what the library logs at this level and above."""
    handler = _StderrHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("vision_grpc")
    logger.addHandler(handler)
    logger.setLevel(level)


class _StderrHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # Looked up each time: a progress bar puts itself in its place.
        sys.stderr.write(f"{self.format(record)}\n")
