"""A call that starts later: its transport is still being found."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from vision_grpc.errors import TransportError
from vision_grpc.transport import Call, OnDone

_T = TypeVar("_T")


class DeferredCall(Generic[_T]):
    """A call that `begin` starts or `fail` ends, whichever comes first; see `BatchCall`."""

    def __init__(self, on_done: OnDone, contents: Sequence[bytes] = ()) -> None:
        self._on_done = on_done
        self._contents = contents
        # Reentrant: garbage collection and signal handlers, which may close clients, run in any thread.
        self._lock = threading.RLock()
        self._is_decided = self._is_cancelled = self._is_done = False
        self._call: Call[_T] | None = None
        self._error: Exception | None = None

    def begin(self, start: Callable[[OnDone], Call[_T]]) -> None:
        """Start the call, unless it is over already."""
        if not self._decide():
            return
        try:
            call = start(self._finish)
        except Exception as error:  # noqa: BLE001 - raised again by `answer`
            self._end(error)
            return
        with self._lock:
            # It may have been done before it was known here.
            self._call, is_done = call, self._is_done
        if is_done:
            self._on_done()
        elif self._is_cancelled:
            call.cancel()

    def fail(self, error: Exception) -> None:
        """End the call, unless it has started."""
        if self._decide():
            self._end(error)

    def answer(self) -> _T:
        """Return the answer or raise the error; see `Call`."""
        if self._call is not None:
            return self._call.answer()
        assert self._error is not None  # noqa: S101 - for the type checkers: the call is done
        raise self._error

    def contents(self) -> Sequence[bytes]:
        """Return the images again; see `BatchCall`."""
        return self._contents

    def cancel(self) -> None:
        """Give the call up; see `Call`."""
        self._is_cancelled = True
        if self._call is not None:
            self._call.cancel()
        self.fail(TransportError("the call was given up before it started"))

    def _decide(self) -> bool:
        with self._lock:
            is_first, self._is_decided = not self._is_decided, True
        return is_first

    def _finish(self) -> None:
        with self._lock:
            self._is_done, is_known = True, self._call is not None
        if is_known:
            self._on_done()

    def _end(self, error: Exception) -> None:
        self._error = error
        self._on_done()
