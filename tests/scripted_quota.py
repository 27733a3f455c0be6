"""A quota in this process, whose permits a test hands out."""

import threading
from collections.abc import Callable
from typing import NamedTuple

from vision_grpc.errors import TransportError
from vision_grpc.quota import Grant

_LONGEST_S = 60


class Asked(NamedTuple):
    """What the quota was asked for."""

    requests: int
    images: int


class ScriptedQuota:
    """Grants as many requests as it has, and then waits until the test hands out more."""

    def __init__(
        self,
        stock: int = 0,
        *,
        wait_s: float = 0.0,
        most_images: int = 1_000,
        on_empty: Callable[[], object] = lambda: None,
    ) -> None:
        """`on_empty` is called, once, as a permit is wanted that is not there; each is for `wait_s` seconds later."""
        self.asked: list[Asked] = []
        self.granted = 0
        self.is_closed = False
        self._stock = stock
        self._wait_s = wait_s
        self._most_images = most_images
        self._on_empty = on_empty
        self._changed = threading.Condition()

    def reserve(self, requests: int, images: int) -> Grant:
        """Grant one request."""
        self.asked.append(Asked(requests, images))
        with self._changed:
            if not self._stock:
                on_empty, self._on_empty = self._on_empty, lambda: None
                threading.Thread(target=on_empty).start()
            assert self._changed.wait_for(lambda: self._stock or self.is_closed, _LONGEST_S)
            if self.is_closed:
                message = "the quota was closed"
                raise TransportError(message)
            self._stock -= 1
            self.granted += 1
        return Grant([self._wait_s], 20.0, images=min(images, self._most_images))

    def hand_out(self, permits: int) -> None:
        """Have so many permits more."""
        with self._changed:
            self._stock += permits
            self._changed.notify_all()

    def close(self) -> None:
        """Let what is asked fail."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()
