"""How many bytes were written when, in bounded memory."""

from collections import defaultdict

_MOST_SPANS = 4_096


class Ages:
    """Sums of bytes by the time at which they were written, in spans of a second, or longer if there are many."""

    def __init__(self) -> None:
        self.total = 0
        self._span_s = 1
        self._bytes: defaultdict[int, int] = defaultdict(int)

    def add(self, written_at: float, size: int) -> None:
        """Count a file."""
        self.total += size
        self._bytes[int(written_at // self._span_s)] += size
        while len(self._bytes) > _MOST_SPANS:
            self._span_s *= 2
            wider: defaultdict[int, int] = defaultdict(int)
            for span, count in self._bytes.items():
                wider[span // 2] += count
            self._bytes = wider

    def oldest(self, excess: int) -> "Oldest":
        """Return what says of each file whether it is among the oldest that have so many bytes together."""
        for span in sorted(self._bytes):
            if excess <= self._bytes[span]:
                return Oldest(self._span_s, span, excess)
            excess -= self._bytes[span]
        return Oldest(self._span_s, 1 << 62, 0)


class Oldest:
    """Says of each file, one after the other, whether it is among the oldest."""

    def __init__(self, span_s: int, last_span: int, bytes_of_it: int) -> None:
        self._span_s = span_s
        self._last_span = last_span
        self._left = bytes_of_it

    def has(self, written_at: float, size: int) -> bool:
        """Return whether the file is to go. Of those of the last span, as many go as are needed."""
        span = int(written_at // self._span_s)
        if span == self._last_span and self._left > 0:
            self._left -= size
            return True
        return span < self._last_span
