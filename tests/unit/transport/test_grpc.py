"""gRPC to a service that is not asked for anything."""

import asyncio
import signal
import subprocess
import sys
import threading
from typing import NoReturn

import grpc
import pytest
from images_in_bytes import png

from vision_grpc.codec.request import ask_for_text
from vision_grpc.errors import PathError, TransportError
from vision_grpc.messages import BatchAnalyzeRequest
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.transport.grpc.aio import AsyncGrpcTransport
from vision_grpc.transport.grpc.peer import translate
from vision_grpc.transport.grpc.threads import GrpcTransport

_SOON_S = 20.0
_NOWHERE = Endpoint.parse("localhost:1", insecure=True)
_ASK = ask_for_text(["en"], "", None)


def _calls_of(transport: GrpcTransport | AsyncGrpcTransport) -> list[int]:
    return [lane.calls for lane in transport._channels._lanes]


def test_a_call_that_another_threads_close_forestalls_says_so() -> None:
    transport = GrpcTransport(_NOWHERE, Tls())
    transport.close()
    with pytest.raises(TransportError, match="was started: the client was closed"):
        transport.start([png(1)], _ASK, None, timeout_s=1, on_done=lambda: None)
    with pytest.raises(TransportError, match="was started: the client was closed"):
        transport.call(BatchAnalyzeRequest(), None, timeout_s=1)
    assert _calls_of(transport) == [0]


async def test_a_call_that_another_tasks_close_forestalls_says_so() -> None:
    transport = AsyncGrpcTransport(_NOWHERE, Tls())
    await transport.aclose()
    with pytest.raises(TransportError, match="was started: the client was closed"):
        transport.start([png(1)], _ASK, None, timeout_s=1, on_done=lambda: None)
    with pytest.raises(TransportError, match="was started: the client was closed"):
        await transport.call(BatchAnalyzeRequest(), None, timeout_s=1)
    assert _calls_of(transport) == [0]


def test_a_call_keeps_its_place_until_it_is_over() -> None:
    transport = GrpcTransport(_NOWHERE, Tls())
    calls = [*_calls_of(transport)]
    done = threading.Event()

    def end() -> None:
        calls.extend(_calls_of(transport))
        done.set()

    transport.start([png(1)], _ASK, None, timeout_s=_SOON_S, on_done=end)
    assert done.wait(_SOON_S)
    with pytest.raises(PathError):
        transport.call(BatchAnalyzeRequest(), None, timeout_s=_SOON_S)
    assert [*calls, *_calls_of(transport)] == [0, 0, 0]
    transport.close()


async def test_a_call_of_a_loop_keeps_its_place_until_it_is_over() -> None:
    transport = AsyncGrpcTransport(_NOWHERE, Tls())
    done = asyncio.Event()
    call = transport.start([png(1)], _ASK, None, timeout_s=_SOON_S, on_done=done.set)
    assert _calls_of(transport) == [1]
    call.cancel()
    await asyncio.wait_for(done.wait(), _SOON_S)
    with pytest.raises(PathError):
        await transport.call(BatchAnalyzeRequest(), None, timeout_s=_SOON_S)
    assert _calls_of(transport) == [0]
    await transport.aclose()


class _Interrupted:
    """A method that Ctrl-C stops as it starts a call."""

    def __call__(self, _: bytes, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    future = __call__


def test_a_call_that_is_not_started_has_no_place() -> None:
    transport = GrpcTransport(_NOWHERE, Tls())
    transport._channels._lanes[0].method = _Interrupted()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        transport.start([png(1)], _ASK, None, timeout_s=1, on_done=lambda: None)
    with pytest.raises(KeyboardInterrupt):
        transport.call(BatchAnalyzeRequest(), None, timeout_s=1)
    assert _calls_of(transport) == [0]
    transport.close()


async def test_a_call_that_is_not_started_on_a_loop_has_no_place() -> None:
    transport = AsyncGrpcTransport(_NOWHERE, Tls())
    transport._channels._lanes[0].method = _Interrupted()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        transport.start([png(1)], _ASK, None, timeout_s=1, on_done=lambda: None)
    assert _calls_of(transport) == [0]
    await transport.aclose()


@pytest.mark.parametrize("timeout_s", [1e10, float("inf")])
async def test_a_time_out_of_centuries_is_not_over_at_once(timeout_s: float) -> None:
    transport, other = GrpcTransport(_NOWHERE, Tls()), AsyncGrpcTransport(_NOWHERE, Tls())
    with pytest.raises(PathError):
        transport.start([png(1)], _ASK, None, timeout_s=timeout_s, on_done=lambda: None).answer()
    with pytest.raises(PathError):
        transport.call(BatchAnalyzeRequest(), None, timeout_s=timeout_s)
    with pytest.raises(PathError):
        await other.start([png(1)], _ASK, None, timeout_s=timeout_s, on_done=lambda: None).answer()
    with pytest.raises(PathError):
        await other.call(BatchAnalyzeRequest(), None, timeout_s=timeout_s)
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
    error = translate(_Closed(), Attempt(_NOWHERE, 1))
    assert type(error) is TransportError
    assert "the client may have been closed" in str(error)


def test_an_interrupt_does_not_break_off_the_end_of_a_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """gRPC would wait for ever at the next attempt, and makes one when the channel is collected."""
    main, interrupted, closed = threading.get_ident(), threading.Event(), threading.Event()

    def close(_: object) -> None:
        signal.pthread_kill(main, signal.SIGINT)
        assert interrupted.wait(_SOON_S)
        closed.set()

    transport = GrpcTransport(_NOWHERE, Tls())
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
