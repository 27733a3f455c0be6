"""HTTP calls that end when they have to, whatever the server does."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple, TypeVar

from vision_grpc.errors import DeadlineError, MachineError, TransportError, VisionError
from vision_grpc.network.attempt import Attempt, not_started
from vision_grpc.network.dialer import Dialer
from vision_grpc.network.http.body import MAX_BODY_BYTES
from vision_grpc.network.http.connection import HttpConnection
from vision_grpc.network.http.message import HttpAnswer, HttpRequest
from vision_grpc.network.tls import Tls
from vision_grpc.threads import DaemonThreads, settle, start_thread

_ResultT = TypeVar("_ResultT")


class _Caller(NamedTuple):
    """A thread that makes one call after the other, and its connection."""

    thread: DaemonThreads
    connection: HttpConnection

    def end(self) -> None:
        """Close the connection after the call that is under way."""
        self.thread.submit(self.connection.close)
        self.thread.end()


class _UnderWay(NamedTuple):
    caller: _Caller
    attempt: Attempt
    read_beginning: Callable[[HttpAnswer, VisionError], Any] | None


class HttpCalls:
    """Calls to one service, each in a thread and on a connection of its own.

    A call ends at its deadline, and at once when its future is cancelled or `close` is called: its connection is
    broken off. Its thread may still be stuck in the resolver, but no process waits for it. The threads of the calls
    under way keep this object alive, so it has to be closed.

    The asyncio client makes its calls here too. Measured, threads need two thirds of the CPU of an asynchronous HTTP
    client, where each byte passes the buffers of asyncio; and neither TLS nor base64 holds up the event loop.
    """

    def __init__(
        self, tls: Tls, *, connections_kept: int, through_proxy: bool = True, max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        dialer = Dialer.of(tls, through_proxy=through_proxy)
        self._connect = partial(HttpConnection, dialer, max_body_bytes=max_body_bytes)
        self._connections_kept = connections_kept
        # Guards all that follows. It is taken directly: the `with` of a Condition is Python code, where an interrupt
        # may come between taking the lock and the block that releases it.
        self._lock = threading.RLock()
        # Notified of a deadline before the one that is waited for.
        self._changed = threading.Condition(self._lock)
        self._idle: list[_Caller] = []
        self._under_way: dict[Future[Any], _UnderWay] = {}
        self._watched_until: float | None = None
        self._closed = False

    def start(
        self,
        attempt: Attempt,
        make_request: Callable[[], HttpRequest],
        read: Callable[[HttpAnswer], _ResultT],
        read_beginning: Callable[[HttpAnswer, VisionError], _ResultT] | None = None,
    ) -> Future[_ResultT]:
        """Return the future of what `read` makes of the answer; all three functions run in the call's thread.

        `read_beginning` takes a good answer whose end is missing, and the error of the call, which it may raise.
        The future raises what they raise, and:
            DeadlineError: no answer in the attempt's time.
            TransportError: the server was not reached, the connection broke, or this was closed.
            MachineError: there is no thread for the call.
            ProtocolError: the answer is not encoded as it says.
            RequestTooLargeError: the answer is too long.
        """
        future: Future[_ResultT] = Future()
        try:
            attempt.left_s()
        except DeadlineError as error:
            future.set_exception(error)
            return future
        with self._lock:
            if self._closed:
                future.set_exception(not_started(attempt.endpoint))
                return future
            try:
                self._watch_until(attempt.deadline.at)
                caller = self._idle.pop() if self._idle else _Caller(DaemonThreads("vision-grpc-http"), self._connect())
            except MachineError as error:
                # Calls under way have their threads, and the next call may take one of those.
                future.set_exception(error)
                return future
            self._under_way[future] = _UnderWay(caller, attempt, read_beginning)
        future.add_done_callback(self._break_off)

        def exchange() -> HttpAnswer:
            return caller.connection.exchange(make_request(), attempt)

        def work() -> None:
            try:
                result = _read(exchange, read, caller.connection, read_beginning)
            except BaseException as error:  # noqa: BLE001 - raised again by the future
                if self._finish(future, caller):
                    future.set_exception(error)
            else:
                if self._finish(future, caller):
                    future.set_result(result)

        caller.thread.submit(work)
        return future

    def close(self) -> None:
        """Close the connections; calls under way fail."""
        with self._lock:
            self._closed = True
            under_way, idle = list(self._under_way), self._idle
            self._idle = []
        for future in under_way:
            self._fail(future, lambda _: TransportError("the call was cancelled: the client was closed"))
        for caller in idle:
            caller.end()
        with self._lock:
            self._changed.notify()  # Nothing is under way any more: the watcher ends.

    def _finish(self, future: Future[Any], caller: _Caller) -> bool:
        """Take a call that its thread has ended off the list; return whether anybody waits for its result."""
        with self._lock:
            is_waited_for = self._under_way.pop(future, None) is not None
            if is_waited_for and not self._closed and len(self._idle) < self._connections_kept:
                self._idle.append(caller)
            else:
                caller.end()
        return is_waited_for and future.set_running_or_notify_cancel()

    def _fail(self, future: Future[Any], error_of: Callable[[_UnderWay], VisionError]) -> None:
        """End a call before its thread does: with what `read_beginning` makes of its answer, or an error."""
        with self._lock:
            if (call := self._under_way.get(future)) is None:
                return
            read = call.read_beginning
            beginning = None if read is None else call.caller.connection.take_beginning()
            self._break_off(future)
            if not future.set_running_or_notify_cancel():
                return
            error = error_of(call)
            if beginning is not None and read is not None:
                # Before its thread finds the call off the list, for then that ends. It is not stuck in the resolver.
                call.caller.thread.submit(partial(settle, future, partial(read, beginning, error)))
                return
        future.set_exception(error)

    def _break_off(self, future: Future[Any]) -> _UnderWay | None:
        """Break a call's connection off and return the call; None if it was over before."""
        with self._lock:
            call = self._under_way.pop(future, None)
        if call is not None:
            call.caller.connection.break_off()
        return call

    def _watch_until(self, deadline: float) -> None:
        if self._watched_until is None:
            start_thread(self._watch, "vision-grpc-deadlines")
        if self._watched_until is None or deadline < self._watched_until:
            self._watched_until = deadline
            self._changed.notify()

    def _watch(self) -> None:
        """End calls at their deadlines; return when none is left."""
        while True:
            with self._lock:
                now = time.monotonic()
                # A copy, for garbage collection may end calls in the middle of this.
                under_way = self._under_way.copy()
                late_ones = [future for future, call in under_way.items() if call.attempt.deadline.at <= now]
                if not under_way:
                    self._watched_until = None
                    return
                if not late_ones:
                    self._watched_until = min(call.attempt.deadline.at for call in under_way.values())
                    self._changed.wait(self._watched_until - now)
            for future in late_ones:
                self._fail(future, lambda call: call.caller.connection.error_of_deadline(call.attempt))


def _read(
    exchange: Callable[[], HttpAnswer],
    read: Callable[[HttpAnswer], _ResultT],
    connection: HttpConnection,
    read_beginning: Callable[[HttpAnswer, VisionError], _ResultT] | None,
) -> _ResultT:
    try:
        answer = exchange()
    except VisionError as error:
        beginning = None if read_beginning is None else connection.take_beginning()
        if beginning is None or read_beginning is None:
            raise
        return read_beginning(beginning, error)
    return read(answer)
