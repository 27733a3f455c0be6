"""REST against servers that never come to an end: calls end at their deadline, and whenever nobody wants them."""

import asyncio
import math
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import FrameType

import pytest
from images_in_bytes import png
from lying_server import Lie, accept_alone, drip, lying_server, stay_silent
from scripted_service import Reply, answer, numbers_of, serve_rest

from vision_grpc import AsyncVisionClient, Limits, VisionClient
from vision_grpc.auth import Anonymous
from vision_grpc.cloud.once import fetch
from vision_grpc.errors import DeadlineError, PathError, TransportError
from vision_grpc.local.faults.kinds.times import Hang
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, BatchAnalyzeResponse, Feature
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.http.message import HttpRequest
from vision_grpc.network.tls import Tls
from vision_grpc.transport.rest.transport import RestTransport

# More than sockets buffer, for those who do not read it.
_REQUEST = BatchAnalyzeRequest(
    analyze_specs=[AnalyzeSpec(content=b"x" * 8_000_000, features=[Feature(type=Feature.TEXT_DETECTION)])]
)
_PROGRAM = Path(__file__).parents[1] / "programs" / "hung_call.py"
_SHORT_S = 1.0
"""Enough to connect on a busy machine."""
_SOON_S = 20.0
"""Far less than what is waited for, and enough on a busy machine."""

_Call = Callable[..., BatchAnalyzeResponse]


def _call(address: str, timeout_s: float) -> BatchAnalyzeResponse:
    with VisionClient(address, transport="rest", credentials=Anonymous()) as client:
        return client.batch_analyze(_REQUEST, timeout=timeout_s)


def _call_async(address: str, timeout_s: float) -> BatchAnalyzeResponse:
    async def call() -> BatchAnalyzeResponse:
        async with AsyncVisionClient(address, transport="rest", credentials=Anonymous()) as client:
            return await client.batch_analyze(_REQUEST, timeout=timeout_s)

    return asyncio.run(call())


@pytest.fixture(params=[_call, _call_async], ids=["sync", "asyncio"])
def call(request: pytest.FixtureRequest) -> _Call:
    return request.param  # type: ignore[no-any-return]


_LIES: dict[str, Lie] = {
    "no answer": stay_silent,
    "a head byte by byte": drip(b"HTTP/1.1 200 OK\r\nx-a: ", b"a"),
    "interim answers": drip(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "a body byte by byte": drip(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", b" "),
    "an error without end": drip(b"HTTP/1.1 503 Busy\r\nconnection: close\r\n\r\n", b"<br>"),
}


@pytest.mark.parametrize("lie", _LIES)
def test_a_call_ends_at_its_deadline(call: _Call, lie: str) -> None:
    with lying_server(_LIES[lie]) as server:
        started = time.monotonic()
        with pytest.raises(DeadlineError, match="no answer from"):
            call(f"http://{server.address}", _SHORT_S)
        assert time.monotonic() - started < _SOON_S
        assert server.left.wait(_SOON_S), "the connection is broken off"


def test_a_request_that_nobody_reads_ends_at_its_deadline(call: _Call) -> None:
    with lying_server(accept_alone) as server, pytest.raises(DeadlineError):
        call(f"http://{server.address}", _SHORT_S)


def test_a_handshake_ends_at_the_deadline_too(call: _Call) -> None:
    with lying_server(accept_alone) as server:
        with pytest.raises(PathError, match="was not reached"):
            call(f"https://{server.address}", _SHORT_S)
        assert server.left.wait(_SOON_S)


def test_a_proxy_that_stays_silent_is_not_waited_for(call: _Call, monkeypatch: pytest.MonkeyPatch) -> None:
    with lying_server(stay_silent) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        with pytest.raises(TransportError):
            call("https://vision.example", _SHORT_S)
        assert proxy.left.wait(_SOON_S)


def test_a_single_request_ends_at_its_deadline() -> None:
    with lying_server(_LIES["a body byte by byte"]) as server:
        attempt = Attempt(Endpoint.parse(f"http://{server.address}", insecure=False), Deadline.after(_SHORT_S))
        with pytest.raises(DeadlineError):
            fetch(attempt, Tls(), HttpRequest("GET", "/", {}))


def test_closing_the_client_ends_a_call_of_another_thread() -> None:
    errors: list[Exception] = []

    def call(client: VisionClient) -> None:
        try:
            client.batch_analyze(_REQUEST, timeout=3600)
        except TransportError as error:
            errors.append(error)

    with lying_server(stay_silent) as server:
        client = VisionClient(f"http://{server.address}", transport="rest", credentials=Anonymous())
        thread = threading.Thread(target=call, args=(client,))
        thread.start()
        assert server.taken.wait(_SOON_S)
        client.close()
        thread.join(_SOON_S)
        assert server.left.wait(_SOON_S)
    assert "the client was closed" in str(errors[0])


async def test_closing_the_client_ends_a_call_of_another_task() -> None:
    with lying_server(stay_silent) as server:
        client = AsyncVisionClient(f"http://{server.address}", transport="rest", credentials=Anonymous())
        task = asyncio.create_task(client.batch_analyze(_REQUEST, timeout=3600))
        assert await asyncio.to_thread(server.taken.wait, _SOON_S)
        await client.aclose()
        with pytest.raises(TransportError, match="the client was closed"):
            await asyncio.wait_for(task, _SOON_S)
        assert await asyncio.to_thread(server.left.wait, _SOON_S)


async def test_cancelling_a_task_breaks_its_connection_off() -> None:
    with lying_server(stay_silent) as server:
        async with AsyncVisionClient(f"http://{server.address}", transport="rest", credentials=Anonymous()) as client:
            task = asyncio.create_task(client.batch_analyze(_REQUEST, timeout=3600))
            assert await asyncio.to_thread(server.taken.wait, _SOON_S)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.left.wait, _SOON_S)


def test_a_stream_that_is_closed_breaks_off_the_calls_under_way() -> None:
    """And a deadline that one call meets does nothing to the others."""
    hung = threading.Event()

    def script(request: BatchAnalyzeRequest) -> Reply:
        if numbers_of(request)[0] > 0:
            hung.set()
            return Hang()
        assert hung.wait(_SOON_S)
        return answer(request)

    with (
        serve_rest(script) as service,
        VisionClient(service.address, transport="rest", limits=Limits(calls_in_flight=2)) as client,
    ):
        results = client.analyze_many(png(number) for number in range(100))
        assert next(results).text == "0"
        results.close()
        assert client.stats().calls_in_flight == 0
        first = next(request for request in service.requests if numbers_of(request)[0] == 0)
        assert client.batch_analyze(first) == answer(first)


def test_an_interrupt_at_any_moment_of_the_wait_ends_the_call() -> None:
    """Where it comes in the middle of Python code that takes a lock, the lock stays taken."""
    with lying_server(stay_silent) as server:
        moment = 0
        while _interrupt_wait(server.address, moment):
            moment += 1
    assert moment > 0


def _interrupt_wait(address: str, moment: int) -> bool:
    """Interrupt a call at a moment after it was sent; return False where it waits before there are so many."""
    client = VisionClient(f"http://{address}", transport="rest", credentials=Anonymous())
    moments = count()

    def interrupt(frame: FrameType, event: str, _: object) -> None:
        if event == "return" and frame.f_code is RestTransport.send.__code__:
            sys.setprofile(interrupt_wait)

    def interrupt_wait(*_: object) -> None:
        if closing.finished.is_set():
            sys.setprofile(None)
        elif next(moments) == moment:
            sys.setprofile(None)
            raise KeyboardInterrupt

    closing = threading.Timer(_SHORT_S, client.close)
    closing.start()
    sys.setprofile(interrupt)
    try:
        with pytest.raises((KeyboardInterrupt, TransportError)) as ended:
            client.batch_analyze(_REQUEST, timeout=3600)
    finally:
        sys.setprofile(None)
        closing.cancel()
        closing.join()
        client.close()
    return ended.type is KeyboardInterrupt


@pytest.mark.usefixtures("uncounted_programs")
@pytest.mark.parametrize("kind", ["sync", "asyncio"])
@pytest.mark.parametrize("way", ["interrupted", "left"])
def test_a_process_ends_at_once(kind: str, way: str) -> None:
    arguments = ["leaves"] if way == "left" else []
    with lying_server(stay_silent) as server:
        command = [sys.executable, str(_PROGRAM), kind, server.address, *arguments]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert server.taken.wait(_SOON_S)
            if way == "interrupted":
                process.send_signal(signal.SIGINT)
            _, errors = process.communicate("\n" if way == "left" else None, timeout=_SOON_S)
        assert server.left.wait(_SOON_S)
    assert process.returncode == (0 if way == "left" else -signal.SIGINT)
    assert errors.strip().splitlines()[-1:] == ([] if way == "left" else ["KeyboardInterrupt"])


@pytest.mark.parametrize("timeout_s", [1e12, math.inf])
def test_a_call_that_may_take_for_ever_leaves_the_others_their_deadlines(timeout_s: float) -> None:
    with lying_server(stay_silent) as server:
        client = VisionClient(f"http://{server.address}", transport="rest", credentials=Anonymous())

        def wait_for_ever() -> None:
            with suppress(TransportError):
                client.batch_analyze(_REQUEST, timeout=timeout_s)

        patient = threading.Thread(target=wait_for_ever, daemon=True)
        patient.start()
        for _ in range(2):
            with pytest.raises((DeadlineError, PathError)):
                client.batch_analyze(_REQUEST, timeout=_SHORT_S)
        assert patient.is_alive()
        client.close()
        patient.join(_SOON_S)
        assert not patient.is_alive()
