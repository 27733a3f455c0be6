"""What is said of long work on a tape while it goes on."""

import time

from vision_grpc.cli.amounts import duration
from vision_grpc.cli.stderr import print_line

_FIRST_LINE_S = 3.0
_LINES_S = 10.0


class TapeProgress:
    """Prints how many entries were looked at, now and then; nothing of work that ends soon."""

    def __init__(self) -> None:
        self._begun_at = time.monotonic()
        self._next_s = _FIRST_LINE_S

    def __call__(self, entries: int) -> None:
        """Take the number of entries so far."""
        elapsed_s = time.monotonic() - self._begun_at
        if elapsed_s >= self._next_s:
            self._next_s = elapsed_s + _LINES_S
            print_line(f"progress: {entries:,} entries, {entries / elapsed_s:,.0f} a second, {duration(elapsed_s)}")
