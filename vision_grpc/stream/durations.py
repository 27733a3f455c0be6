"""How long operations take, as far as all streams of a client together have seen."""

import threading

# Without knowledge: a page takes about a second.
_FIRST_GUESS_S = 1.0
_SHORTEST_S = 0.1

# A guess that was enough shrinks a little, one that was not grows towards what was seen: so most operations are ready
# when they are asked about for the first time, and none has been for long.
_SHRINKS_BY, _MOVES_BY = 0.95, 0.3
# Before the first result is there, those that are not tell something too; one slow file among many tells little.
_GROWS_BY = 1.1


class Durations:
    """Guesses, by the size of the file in powers of two. Safe to share between threads."""

    def __init__(self) -> None:
        # Reentrant: garbage collection or a signal handler may call this in the same thread.
        self._lock = threading.RLock()
        self._guesses: dict[int, float] = {}

    def guess_s(self, content_bytes: int) -> float:
        """Return after what time the result of a file is to be asked for; of an unknown size, that of the nearest."""
        wanted = content_bytes.bit_length()
        with self._lock:
            nearest = min(self._guesses, key=lambda known: abs(known - wanted), default=None)
            return _FIRST_GUESS_S if nearest is None else self._guesses[nearest]

    def not_ready(self, content_bytes: int, elapsed_s: float) -> None:
        """Take note that a result was not there after this time."""
        with self._lock:
            guess_s = self.guess_s(content_bytes)
            if elapsed_s > guess_s:
                self._guesses[content_bytes.bit_length()] = min(elapsed_s, guess_s * _GROWS_BY)

    def learn(self, content_bytes: int, not_before_s: float, ready_s: float) -> None:
        """Take note of a result that came after `ready_s`, and was not there after `not_before_s` (0: not asked)."""
        with self._lock:
            guess_s = self.guess_s(content_bytes)
            if not_before_s:
                guess_s += _MOVES_BY * ((not_before_s + ready_s) / 2 - guess_s)
            else:
                guess_s = min(guess_s, ready_s) * _SHRINKS_BY
            self._guesses[content_bytes.bit_length()] = max(_SHORTEST_S, guess_s)
