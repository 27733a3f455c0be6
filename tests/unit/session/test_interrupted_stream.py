"""What an interrupt leaves entered is left before a stream ends its calls."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import pytest
from images_in_bytes import png

from vision_grpc import Limits, VisionClient
from vision_grpc.results import Answer


class _Library:
    """A transport that is interrupted within its second call, while a lock is held that ending the first one needs.

    As in gRPC, which holds a lock of all channels by a generator: the frames of the traceback keep it alive.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._calls = 0
        self.was_free: list[bool] = []

    def start(self, *_: object) -> "_Library":
        self._calls += 1
        if self._calls == 2:
            entered = self._hold()
            entered.__enter__()
            raise KeyboardInterrupt
        return self

    @contextmanager
    def _hold(self) -> Iterator[None]:
        with self._lock:
            yield

    def _try_lock(self) -> None:
        self.was_free.append(self._lock.acquire(blocking=False))

    def cancel(self) -> None:
        other = threading.Thread(target=self._try_lock)
        other.start()
        other.join()

    def answer(self) -> Answer:
        raise AssertionError

    def contents(self) -> Sequence[bytes]:
        return ()

    def send(self, *_: object) -> NoReturn:
        raise AssertionError

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


def test_a_lock_that_an_interrupt_left_is_free_when_calls_are_ended() -> None:
    library = _Library()
    limits = Limits(calls_in_flight=2)
    client = VisionClient(transport=library, limits=limits)
    with pytest.raises(KeyboardInterrupt):
        list(client.analyze_many(map(png, range(16))))
    assert library.was_free == [True]
