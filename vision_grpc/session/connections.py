"""The connections of a client: one for each method that it calls."""

import threading
from collections.abc import Callable, Sequence

from vision_grpc.api.api import Api
from vision_grpc.errors import TransportError
from vision_grpc.transport import Transport


class Connections:
    """Transports by the methods that they call, each opened when it is first needed. Safe to share between threads."""

    def __init__(self, open_to: Callable[[Api], Transport]) -> None:
        self._open_to = open_to
        self._opened: dict[Api, Transport] = {}
        # Reentrant: garbage collection and signal handlers, which may close clients, run in any thread.
        self._lock = threading.RLock()
        self._closed = False

    def to(self, api: Api) -> Transport:
        """Return the transport for a method.

        Raises:
            TransportError: the client was closed meanwhile.
        """
        if (opened := self._opened.get(api)) is not None:
            return opened
        with self._lock:
            if self._closed:
                message = "the call was not started: the client is closed"
                raise TransportError(message)
            if api not in self._opened:
                self._opened[api] = self._open_to(api)
            return self._opened[api]

    def close(self) -> None:
        """End all of them; calls under way fail."""
        for transport in self._end():
            transport.close()

    async def aclose(self) -> None:
        """Do what `close` does, without blocking the event loop."""
        for transport in self._end():
            await transport.aclose()

    def _end(self) -> Sequence[Transport]:
        """Open no more; return what is to be closed."""
        with self._lock:
            self._closed = True
            return list(dict.fromkeys(self._opened.values()))
