"""gRPC to a service that is not asked for anything."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn

import grpc
import pytest
from images_in_bytes import png

from vision_grpc.api.api import Reply
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.errors import Code, DeadlineError, PathError, ServiceError, TransportError, VisionError
from vision_grpc.messages import BatchAnalyzeRequest
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.transport import BatchCall, Call
from vision_grpc.transport.grpc.exchange import translate
from vision_grpc.transport.grpc.transport import GrpcTransport

_SOON_S = 20.0
_NOWHERE = Endpoint.parse("localhost:1", insecure=True)
_TEMPLATE = VISION_V1.template(["en"], "", "")


def _for_threads() -> GrpcTransport:
    return GrpcTransport(VISION_V1, _NOWHERE, Tls())


def _for_this_loop() -> GrpcTransport:
    return GrpcTransport(VISION_V1, _NOWHERE, Tls(), loop=asyncio.get_running_loop())


def _start(transport: GrpcTransport, timeout_s: float, on_done: Callable[[], None] = lambda: None) -> BatchCall:
    return transport.start([png(1)], _TEMPLATE, None, Deadline.after(timeout_s), on_done)


def _send(transport: GrpcTransport, timeout_s: float, on_done: Callable[[], None] = lambda: None) -> Call[Reply]:
    return transport.send(BatchAnalyzeRequest(), None, Deadline.after(timeout_s), on_done)


async def _failure_of(call: Call[Any], done: asyncio.Event) -> BaseException:
    async with asyncio.timeout(_SOON_S):
        await done.wait()
    with pytest.raises(VisionError) as caught:
        call.answer()
    return caught.value


def _calls_of(transport: GrpcTransport) -> list[int]:
    return [pooled.calls for pooled in transport._channels._pooled]


def test_a_call_that_another_threads_close_forestalls_says_so() -> None:
    transport = _for_threads()
    transport.close()
    with pytest.raises(TransportError, match="was started: the client was closed"):
        _start(transport, 1)
    with pytest.raises(TransportError, match="was started: the client was closed"):
        _send(transport, 1)
    assert _calls_of(transport) == [0]


async def test_a_call_that_another_tasks_close_forestalls_says_so() -> None:
    transport = _for_this_loop()
    await transport.aclose()
    with pytest.raises(TransportError, match="was started: the client was closed"):
        _start(transport, 1)
    with pytest.raises(TransportError, match="was started: the client was closed"):
        _send(transport, 1)
    assert _calls_of(transport) == [0]


def test_a_call_keeps_its_place_until_it_is_over() -> None:
    transport = _for_threads()
    calls = [*_calls_of(transport)]
    done = threading.Event()

    def end() -> None:
        calls.extend(_calls_of(transport))
        done.set()

    _start(transport, _SOON_S, end)
    assert done.wait(_SOON_S)
    with pytest.raises(PathError):
        _send(transport, _SOON_S).answer()
    assert [*calls, *_calls_of(transport)] == [0, 0, 0]
    transport.close()


async def test_a_call_of_a_loop_keeps_its_place_until_it_is_over() -> None:
    transport = _for_this_loop()
    done = asyncio.Event()
    call = _start(transport, _SOON_S, done.set)
    assert _calls_of(transport) == [1]
    call.cancel()
    await asyncio.wait_for(done.wait(), _SOON_S)
    done.clear()
    assert isinstance(await _failure_of(_send(transport, _SOON_S, done.set), done), PathError)
    assert _calls_of(transport) == [0]
    await transport.aclose()


class _Interrupted:
    """A method that Ctrl-C stops as it starts a call."""

    def __call__(self, _: bytes, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    future = __call__


def test_a_call_that_is_not_started_has_no_place() -> None:
    transport = _for_threads()
    transport._channels._pooled[0].method = _Interrupted()
    with pytest.raises(KeyboardInterrupt):
        _start(transport, 1)
    with pytest.raises(KeyboardInterrupt):
        _send(transport, 1)
    assert _calls_of(transport) == [0]
    transport.close()


async def test_a_call_that_is_not_started_on_a_loop_has_no_place() -> None:
    transport = _for_this_loop()
    transport._channels._pooled[0].method = _Interrupted()
    with pytest.raises(KeyboardInterrupt):
        _start(transport, 1)
    assert _calls_of(transport) == [0]
    await transport.aclose()


@pytest.mark.parametrize("timeout_s", [1e10, float("inf")])
async def test_a_time_out_of_centuries_is_not_over_at_once(timeout_s: float) -> None:
    transport, other = _for_threads(), _for_this_loop()
    for begin in (_start, _send):
        with pytest.raises(PathError):
            begin(transport, timeout_s).answer()
        done = asyncio.Event()
        assert isinstance(await _failure_of(begin(other, timeout_s, done.set), done), PathError)
    transport.close()
    await other.aclose()


class _Closed:
    """What a call fails with whose channel was closed, after the service had begun to answer."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.CANCELLED

    def details(self) -> str:
        return "Stream removed (Channel closed!)"

    def initial_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return (("x-request-id", "1"),)

    def trailing_metadata(self) -> None:
        return None


def test_what_closing_cancels_was_not_cancelled_by_the_service() -> None:
    error = translate(_Closed(), Attempt(_NOWHERE, Deadline.after(1)))
    assert type(error) is TransportError
    assert "the client may have been closed" in str(error)


def test_an_interrupt_does_not_break_off_the_end_of_a_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """gRPC would wait for ever at the next attempt, and makes one when the channel is collected."""
    main, interrupted, closed = threading.get_ident(), threading.Event(), threading.Event()

    def close(_: object) -> None:
        signal.pthread_kill(main, signal.SIGINT)
        assert interrupted.wait(_SOON_S)
        closed.set()

    transport = _for_threads()
    with monkeypatch.context() as patch:
        patch.setattr(type(transport._channels.close()[0]), "close", close)
        with pytest.raises(KeyboardInterrupt):
            transport.close()
        interrupted.set()
        assert closed.wait(_SOON_S)
    transport.close()


def test_a_client_that_is_closed_by_the_end_of_the_interpreter_lets_it_end() -> None:
    """No thread runs any more then, and none is started."""
    program = """
import sys
from vision_grpc import VisionClient
class Owner:
    def __init__(self):
        self.client = VisionClient("127.0.0.1:1", insecure=True, transport="grpc")
    def __del__(self):
        self.client.close()
        sys.stdout.write("closed")
owner = Owner()
owner.itself = owner
"""
    finished = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{program}"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, b"closed", b"")


@pytest.mark.parametrize("timeout_s", [0.0, -1.0])
async def test_nothing_is_sent_when_the_time_is_over(timeout_s: float) -> None:
    for transport in (_for_threads(), _for_this_loop()):
        for begin in (_start, _send):
            done: list[bool] = []
            call = begin(transport, timeout_s, lambda done=done: done.append(True))  # type: ignore[misc]
            assert done == [True]
            with pytest.raises(DeadlineError, match="within 0 s"):
                call.answer()
        assert _calls_of(transport) == [0]
        await transport.aclose()


class _Aborted(_Closed):
    """What a call fails with that the service ended by a deadline of its own."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.DEADLINE_EXCEEDED

    def details(self) -> str:
        return "upstream request timeout"


def test_a_deadline_of_the_services_own_is_its_answer() -> None:
    error = translate(_Aborted(), Attempt(_NOWHERE, Deadline.after(60)))
    assert isinstance(error, ServiceError)
    assert (error.code, error.message, error.request_id) == (Code.DEADLINE_EXCEEDED, "upstream request timeout", "1")
    assert isinstance(translate(_Aborted(), Attempt(_NOWHERE, Deadline.after(0))), DeadlineError)
