"""Whether retries wait, for all clients of the process: `vision_grpc.testing.without_backoff` turns that off."""

import threading


class RetryWaits:
    """The switch, which streams look at as they begin. It is off as long as anybody needs it so."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turned_off = 0

    @property
    def are_on(self) -> bool:
        """Whether a stream that begins now waits before it sends images again."""
        return self._turned_off == 0

    def turn_off(self) -> None:
        """Let no retry wait until `turn_on` is called as often."""
        with self._lock:
            self._turned_off += 1

    def turn_on(self) -> None:
        """Take one `turn_off` back."""
        with self._lock:
            self._turned_off -= 1


RETRY_WAITS = RetryWaits()
