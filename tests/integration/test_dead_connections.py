"""Connections that die without a word: the image that meets one is sent again on another, and the next go there."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from either_client import EitherClient, Kind
from held_port import held_port
from images_in_bytes import png
from link import Link
from scripted_service import Reply, Script, Service, answer, numbers_of, serve_grpc, serve_rest

from vision_grpc import ImageResult, Limits, RetryPolicy, Timeouts, VisionClient
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.errors import DeadlineError, TransportError
from vision_grpc.local.faults.kinds.times import Hang
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, Feature
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.transport.fallback import FallbackTransport
from vision_grpc.transport.grpc import channel_pool
from vision_grpc.transport.grpc import options as grpc_options
from vision_grpc.transport.grpc.channel_pool import STREAMS_PER_CHANNEL
from vision_grpc.transport.grpc.transport import GrpcTransport
from vision_grpc.transport.rest.transport import RestTransport

pytestmark = pytest.mark.usefixtures("patient_sources")
# Every choice of a transport: `auto` has no reason to leave gRPC here.
_TRANSPORTS = ("grpc", "rest", "auto")
_QUICK = RetryPolicy(initial_backoff_s=0.001, max_backoff_s=0.002)
_CALL_S, _SOON_S = 0.5, 30.0
_REQUEST = BatchAnalyzeRequest(
    analyze_specs=[AnalyzeSpec(content=png(5), features=[Feature(type=Feature.TEXT_DETECTION)])]
)


@pytest.fixture(params=["sync", "asyncio"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=_TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def short_idle_time(monkeypatch: pytest.MonkeyPatch) -> None:
    impatient = {**dict(grpc_options.OPTIONS), "grpc.client_idle_timeout_ms": 1_000}
    monkeypatch.setattr(grpc_options, "OPTIONS", tuple(impatient.items()))


def _client(kind: Kind, transport: str, service: Service, **options: Any) -> EitherClient:  # noqa: ANN401
    defaults: dict[str, Any] = {
        "endpoint": service.address,
        "insecure": True,
        "transport": transport,
        "retry": _QUICK,
        "timeouts": Timeouts(call_s=_CALL_S, total_s=_SOON_S),
    }
    return EitherClient(kind, lambda: defaults | options)


@contextmanager
def _serve(transport: str, script: Script) -> Iterator[tuple[Service, Link]]:
    """Serve behind a link."""
    with (
        (serve_rest if transport == "rest" else serve_grpc)(script) as service,
        Link(int(service.address.rpartition(":")[2])) as link,
    ):
        service.address = f"{service.address.rpartition(':')[0]}:{link.port}"
        yield service, link


def _is_by(transport: str, result: ImageResult) -> bool:
    return result.transport == ("rest" if transport == "rest" else "grpc")


# One call after the other


def test_the_image_that_meets_a_dead_connection_succeeds_and_the_next_at_once(kind: Kind, transport: str) -> None:
    with _serve(transport, answer) as (service, link), _client(kind, transport, service) as client:
        assert client.analyze(png(0)).ok
        for number in (1, 3):
            link.stall()
            met, following = client.analyze(png(number)), client.analyze(png(number + 1))
            assert (met.text, following.text) == (str(number), str(number + 1))
            assert (met.attempts, following.attempts) == (2, 1)
            assert _is_by(transport, following)
        assert link.accepted == 3
    assert link.wait_until_unused(_SOON_S)


def test_a_call_without_retries_fails_on_a_dead_connection_and_the_next_succeeds(kind: Kind, transport: str) -> None:
    with _serve(transport, answer) as (service, link), _client(kind, transport, service) as client:
        for call in (client.batch_analyze, lambda _, **timeout: client.analyze(png(5), **timeout)):
            call(_REQUEST)
            link.stall()
            with pytest.raises(DeadlineError):
                call(_REQUEST, timeout=_CALL_S)
            assert client.batch_analyze(_REQUEST) == answer(_REQUEST)


@pytest.mark.usefixtures("short_idle_time")
def test_an_idle_connection_is_not_trusted(kind: Kind) -> None:
    with _serve("grpc", answer) as (service, link), _client(kind, "grpc", service) as client:
        assert client.analyze(png(0)).ok
        assert link.wait_until_unused(_SOON_S)
        result = client.analyze(png(1))
        assert (result.text, result.attempts, link.accepted) == ("1", 1, 2)


def test_a_server_that_stood_still_is_called_again_when_it_goes_on(kind: Kind, transport: str, tmp_path: Path) -> None:
    """Its machine takes connections meanwhile, for which nobody answers."""
    with (
        _server_process("rest" if transport == "rest" else "grpc", tmp_path) as (service, process),
        _client(kind, transport, service) as client,
    ):
        assert client.analyze(png(0)).ok
        os.killpg(process, signal.SIGSTOP)
        with pytest.raises(TransportError):
            _call_until_it_fails(client)
        os.killpg(process, signal.SIGCONT)
        assert client.analyze(png(1)).text == "1"
        assert client.batch_analyze(_REQUEST, timeout=_SOON_S) == answer(_REQUEST)


def _call_until_it_fails(client: EitherClient) -> None:
    """Call: the signal takes effect soon."""
    while True:
        client.batch_analyze(_REQUEST, timeout=_CALL_S)


@contextmanager
def _server_process(transport: str, folder: Path) -> Iterator[tuple[Service, int]]:
    """Give a service in processes of its own, and the group of these."""
    program = Path(__file__).parent.parent / "programs" / "mortal_service.py"
    with held_port() as port:
        process = subprocess.Popen(
            [sys.executable, str(program), transport, str(port), str(folder / "answered")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        with process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == b"listening\n"
                service = Service(answer)
                service.address = f"127.0.0.1:{port}"
                yield service, process.pid
            finally:
                os.killpg(process.pid, signal.SIGKILL)


# Streams


class _Stall:
    """Answers; from the n-th request on the first connections are stalled, so that requests there are lost or in vain.

    All answers wait until there are as many connections as the calls of the stream need.
    """

    def __init__(self, at: int, stalled: int, connections: int) -> None:
        self._at = at
        self._stalled = stalled
        self._connections = connections
        self._lock = threading.Lock()
        self._requests = 0
        self.link: Link | None = None
        self.images = Counter[int]()

    def __call__(self, request: BatchAnalyzeRequest) -> Reply:
        assert self.link is not None
        assert self.link.wait_until_accepted(self._connections, _SOON_S)
        with self._lock:
            self._requests += 1
            self.images.update(numbers_of(request))
            if self._requests == self._at:
                self.link.stall(first=self._stalled, answers=True)
        return answer(request)


@pytest.mark.parametrize("calls", [8, STREAMS_PER_CHANNEL + 8])
def test_a_connection_that_dies_in_a_stream_loses_no_image(kind: Kind, transport: str, calls: int) -> None:
    """What is on it is sent again, once, and nothing else."""
    by_grpc = transport != "rest"
    # The calls of one of two channels, or of three connections.
    stalled, stalled_calls = (1, min(calls, STREAMS_PER_CHANNEL)) if by_grpc else (3, 3)
    script = _Stall(20, stalled, 1 + (calls > STREAMS_PER_CHANNEL) if by_grpc else 8)
    # A busy machine takes longer for so many connections at once.
    call_s = 1.5 if by_grpc or calls < STREAMS_PER_CHANNEL else 5
    options = {"timeouts": Timeouts(call_s=call_s, total_s=60), "limits": Limits(calls_in_flight=calls)}
    with _serve(transport, script) as (service, link):
        script.link = link
        with _client(kind, transport, service, **options) as client:
            results = client.collect(map(png, range(800)))
    assert sorted(int(result.text) for result in results) == list(range(800))
    assert all(_is_by(transport, result) for result in results)
    assert max(script.images.values()) <= 2
    assert sum(times == 2 for times in script.images.values()) <= 8 * stalled_calls


# Services that are slow, not dead


@pytest.mark.parametrize("transport", ["grpc", "auto"])
def test_answers_to_other_calls_keep_the_connection_of_a_late_one(transport: str) -> None:
    over, others = threading.Event(), [threading.Event() for _ in range(3)]

    def script(request: BatchAnalyzeRequest) -> Reply:
        if numbers_of(request) == [0]:
            over.wait(_SOON_S)
        return answer(request)

    with (
        _serve("grpc", script) as (service, link),
        VisionClient(service.address, insecure=True, transport=transport) as client,  # type: ignore[arg-type]
    ):

        def call(called: threading.Event) -> None:
            while not over.is_set():
                client.batch_analyze(_REQUEST)
                called.set()

        threads = [threading.Thread(target=call, args=(called,)) for called in others]
        for thread in threads:
            thread.start()
        assert all(called.wait(_SOON_S) for called in others)
        with pytest.raises(DeadlineError):
            client.batch_analyze(BatchAnalyzeRequest(analyze_specs=[_spec(0)]), timeout=1.5)
        over.set()
        for thread in threads:
            thread.join()
        assert link.accepted == 1


def test_a_service_that_answers_too_late_gets_no_storm_of_connections_and_no_rest(kind: Kind) -> None:
    late = threading.Event()

    def script(request: BatchAnalyzeRequest) -> Reply:
        late.wait(_SOON_S)
        return answer(request)

    with _serve("grpc", script) as (service, link):

        def options() -> dict[str, Any]:
            return {"transport": _fallback(kind, service, None), "retry": _QUICK}

        with EitherClient(kind, options) as client:
            for _ in range(10):
                with pytest.raises(DeadlineError):
                    client.batch_analyze(_REQUEST, timeout=0.1)
            late.set()
            result = client.analyze(png(1))
        assert (result.text, result.transport) == ("1", "grpc")
        assert link.accepted <= 3


def _fallback(kind: Kind, over_grpc: Service, over_rest: Service | None) -> FallbackTransport:
    def open_rest() -> RestTransport:
        assert over_rest is not None, "there is no reason to leave gRPC"
        return RestTransport(VISION_V1, Endpoint.parse(over_rest.address, insecure=True), Tls(), calls=8)

    place = Endpoint.parse(over_grpc.address, insecure=True)
    loop = None if kind == "sync" else asyncio.get_running_loop()
    return FallbackTransport(GrpcTransport(VISION_V1, place, Tls(), loop=loop), open_rest)


# Paths that are silent


def test_a_path_that_brings_no_answer_on_new_connections_either_is_left(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_pool, "_SILENT_S", _CALL_S)

    def script(request: BatchAnalyzeRequest) -> Reply:
        link.stall(answers=True)
        return answer(request)

    with _serve("grpc", script) as (over_grpc, link), serve_rest(answer) as over_rest:

        def options() -> dict[str, Any]:
            timeouts = Timeouts(call_s=_CALL_S, total_s=_SOON_S)
            return {"transport": _fallback(kind, over_grpc, over_rest), "retry": _QUICK, "timeouts": timeouts}

        with EitherClient(kind, options) as client:
            first, second = client.analyze(png(1)), client.analyze(png(2))
    # The second connection is given twice the time: two calls or, where they end a moment early, three.
    assert first.transport == "rest"
    assert first.attempts in {4, 5}
    assert "no answer from" in str(first.fallback_reason)
    assert (second.transport, second.attempts) == ("rest", 1)


# What is left behind


def test_closing_a_client_ends_the_calls_on_connections_that_are_given_up_already() -> None:
    arrived = threading.Event()

    def script(request: BatchAnalyzeRequest) -> Reply:
        if numbers_of(request) == [0]:
            arrived.set()
            return Hang()
        return answer(request)

    errors: list[BaseException] = []
    with _serve("grpc", script) as (service, link):
        client = VisionClient(service.address, insecure=True, transport="grpc")
        client.batch_analyze(_REQUEST)

        def wait() -> None:
            try:
                client.batch_analyze(BatchAnalyzeRequest(analyze_specs=[_spec(0)]), timeout=60)
            except TransportError as error:
                errors.append(error)

        waiting = threading.Thread(target=wait)
        waiting.start()
        assert arrived.wait(_SOON_S)
        link.stall()
        with pytest.raises(DeadlineError):
            client.batch_analyze(_REQUEST, timeout=_CALL_S)
        client.batch_analyze(_REQUEST)
        assert waiting.is_alive()
        client.close()
        waiting.join(_SOON_S)
        assert not waiting.is_alive()
        assert [type(error) for error in errors] == [TransportError]
        assert link.wait_until_unused(_SOON_S)


def _spec(number: int) -> AnalyzeSpec:
    return AnalyzeSpec(content=png(number), features=[Feature(type=Feature.TEXT_DETECTION)])
