"""A way to end streams gently, from wherever the wish comes."""

from collections.abc import Callable


class Stop:
    """Ends the streams that it was given to: they send nothing more, and wait for the calls in flight alone.

    Images that were not sent get no result. `ask` may be called from any thread and from a signal handler.
    """

    def __init__(self) -> None:
        self.is_asked: bool = False
        self._wakers: dict[int, Callable[[], None]] = {}

    def ask(self) -> None:
        """Let the streams end."""
        self.is_asked = True
        for wake in list(self._wakers.values()):
            wake()

    def wakes(self, sleeper: object, wake: Callable[[], None]) -> None:
        """Call a function, once the stop is asked for, that wakes a stream which waits."""
        self._wakers[id(sleeper)] = wake

    def wakes_no_longer(self, sleeper: object) -> None:
        """Forget the function of this stream."""
        self._wakers.pop(id(sleeper), None)
