"""`transport="auto"` on real sockets: REST where gRPC does not get through, and only there."""

import asyncio
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import pytest
import trustme
from either_client import EitherClient, Kind
from held_port import held_port
from images_in_bytes import png
from scripted_service import Reply, Script, Server, Service, answer, serve_grpc, serve_rest

from vision_grpc import RetryPolicy
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.errors import Code, DeadlineError, ServiceError, TransportError
from vision_grpc.local.faults.kinds.lines import Close
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, Feature
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.transport.fallback import FallbackTransport
from vision_grpc.transport.grpc import options as grpc_options
from vision_grpc.transport.grpc.transport import GrpcTransport
from vision_grpc.transport.protocol_choice import FIRST_PROBE_S, PROBE_INTERVAL_S
from vision_grpc.transport.rest.transport import RestTransport

pytestmark = pytest.mark.usefixtures("patient_sources")
_IMPATIENT = RetryPolicy(attempts=3, initial_backoff_s=0.001, max_backoff_s=0.002)
_TEXT = [Feature(type=Feature.TEXT_DETECTION)]
_REQUEST = BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=png(5), features=_TEXT)])
# A channel that could not connect tries again after a while.
_MANY = 20_000


class _Clock:
    """The time of a test."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def _client(kind: Kind, options: Callable[[], dict[str, Any]]) -> EitherClient:
    return EitherClient(kind, lambda: {"retry": _IMPATIENT, **options()})


def _between(kind: Kind, grpc: str, rest: str | None, clock: Callable[[], float]) -> EitherClient:
    """Return a client with different endpoints for the two; one that is None may not be called."""

    def open_rest() -> Any:  # noqa: ANN401
        assert rest is not None, "there is no reason to go another way"
        return RestTransport(VISION_V1, Endpoint.parse(rest, insecure=True), Tls(), calls=8)

    def options() -> dict[str, Any]:
        place = Endpoint.parse(grpc, insecure=True)
        loop = None if kind == "sync" else asyncio.get_running_loop()
        return {
            "transport": FallbackTransport(GrpcTransport(VISION_V1, place, Tls(), loop=loop), open_rest, clock=clock)
        }

    return _client(kind, options)


@pytest.fixture(params=["sync", "asyncio"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def closed_port() -> Iterator[str]:
    with held_port() as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture
def switches(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Returns what was logged of ways, from WARNING on."""
    caplog.set_level(logging.INFO, "vision_grpc.transport")

    def switches() -> list[str]:
        ours = [record for record in caplog.records if record.name == "vision_grpc.transport"]
        return [record.getMessage() for record in ours if record.levelno >= logging.WARNING]

    return switches


def _all_come_by_rest(client: EitherClient, service: Service, switches: Callable[[], list[str]]) -> None:
    """Use the client in all its ways."""
    results = [*client.collect(map(png, range(100))), client.analyze(png(100))]
    assert sorted(int(result.text) for result in results) == list(range(101))
    assert {result.transport for result in results} == {"rest"}
    assert {result.attempts for result in results} == {1}, "what did not get out is no attempt"
    assert client.batch_analyze(_REQUEST) == answer(_REQUEST)
    # What follows is gRPC's, and another in each of its versions.
    assert all(" was not reached: " in str(result.fallback_reason) for result in results)
    assert len(service.requests) == 13 + 1 + 1
    [switch] = switches()
    assert switch.startswith("gRPC does not get through, going on over REST: ")
    assert " was not reached: " in switch


# Ways that are closed


def test_a_closed_port(kind: Kind, closed_port: str, switches: Callable[[], list[str]]) -> None:
    with serve_rest(answer) as service, _between(kind, closed_port, service.address, _Clock()) as client:
        _all_come_by_rest(client, service, switches)


def test_a_refusal_says_what_brought_it_and_why(kind: Kind, closed_port: str) -> None:
    refusal = ServiceError(Code.PERMISSION_DENIED, "no")
    with (
        serve_rest(lambda _: refusal) as service,
        _between(kind, closed_port, service.address, _Clock()) as client,
    ):
        [result] = client.collect([png(1)])
    assert result.error is not None
    assert (result.error.code, result.transport, result.request_id) == (
        Code.PERMISSION_DENIED,
        "rest",
        service.request_ids[0],
    )
    assert " was not reached: " in str(result.fallback_reason)


def test_a_failure_of_the_other_way_says_why_it_was_taken(kind: Kind, closed_port: str) -> None:
    with _between(kind, closed_port, closed_port, _Clock()) as client:
        [result] = client.collect([png(1)])
    assert result.error is not None
    assert result.error.code is Code.UNAVAILABLE
    assert " was not reached: " in str(result.fallback_reason)


def test_a_host_that_is_none(kind: Kind, switches: Callable[[], list[str]]) -> None:
    nowhere = "vision.invalid:443"
    with serve_rest(answer) as service, _between(kind, nowhere, service.address, _Clock()) as client:
        _all_come_by_rest(client, service, switches)


def test_a_server_of_http_1_1_alone(kind: Kind, switches: Callable[[], list[str]]) -> None:
    with (
        serve_rest(answer) as service,
        _client(kind, lambda: {"endpoint": service.address, "transport": "auto"}) as client,
    ):
        _all_come_by_rest(client, service, switches)


def test_a_tls_port_that_does_not_offer_http_2(kind: Kind, switches: Callable[[], list[str]]) -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    tls.set_alpn_protocols(["http/1.1"])
    roots = authority.cert_pem.bytes()
    with (
        serve_rest(answer, tls=tls) as service,
        _client(kind, lambda: {"endpoint": service.address, "root_certificates": roots}) as client,
    ):
        _all_come_by_rest(client, service, switches)


def test_a_port_that_hangs_up(kind: Kind, switches: Callable[[], list[str]]) -> None:
    with (
        _port_that(socket.socket.close) as port,
        serve_rest(answer) as service,
        _between(kind, f"127.0.0.1:{port}", service.address, _Clock()) as client,
    ):
        _all_come_by_rest(client, service, switches)


def test_a_port_that_never_speaks(
    kind: Kind, switches: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = {**dict(grpc_options.OPTIONS), "grpc.min_reconnect_backoff_ms": 300}
    monkeypatch.setattr(grpc_options, "OPTIONS", tuple(impatient.items()))
    with (
        _port_that(lambda _: None) as port,
        serve_rest(answer) as service,
        _between(kind, f"127.0.0.1:{port}", service.address, _Clock()) as client,
    ):
        _all_come_by_rest(client, service, switches)


@contextmanager
def _port_that(treat: Callable[[socket.socket], object]) -> Iterator[int]:
    """Give a port that takes connections and does something to them."""
    taken: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                taken.append(connection)
                treat(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in taken:
        connection.close()


# Ways that are open, or not known to be closed


def test_a_port_that_never_speaks_costs_who_waits_less_for_it_the_time_and_nothing_else(
    kind: Kind, switches: Callable[[], list[str]]
) -> None:
    """Who waits less than gRPC does for a connection does not learn that there will be none."""
    with _port_that(lambda _: None) as port, _between(kind, f"127.0.0.1:{port}", None, _Clock()) as client:
        with pytest.raises(DeadlineError):
            client.analyze(png(1), timeout=0.2)
        with pytest.raises(DeadlineError):
            client.batch_analyze(_REQUEST, timeout=0.2)
    assert switches() == []


@pytest.mark.parametrize(
    "code",
    [
        Code.INVALID_ARGUMENT,
        Code.UNAUTHENTICATED,
        Code.PERMISSION_DENIED,
        Code.NOT_FOUND,
        Code.RESOURCE_EXHAUSTED,
        Code.UNIMPLEMENTED,
        Code.INTERNAL,
        Code.UNAVAILABLE,
    ],
)
def test_an_answer_of_the_service_closes_no_way(kind: Kind, code: Code, switches: Callable[[], list[str]]) -> None:
    with (
        serve_grpc(lambda _: ServiceError(code, "no")) as service,
        _between(kind, service.address, None, _Clock()) as client,
    ):
        results = client.collect(map(png, range(20)))
        with pytest.raises(ServiceError) as caught:
            client.batch_analyze(_REQUEST)
    assert caught.value.code is code
    assert {result.error.code for result in results if result.error} == {code}
    assert {result.fallback_reason for result in results} == {None}
    assert switches() == []


def test_a_service_that_breaks_the_connection_closes_no_way(kind: Kind, switches: Callable[[], list[str]]) -> None:
    broken = count()

    def script(request: BatchAnalyzeRequest) -> Reply:
        return Close() if next(broken) == 0 else answer(request)

    with serve_grpc(script) as service, _between(kind, service.address, None, _Clock()) as client:
        results = client.collect(map(png, range(100)))
    assert sorted(int(result.text) for result in results) == list(range(100))
    assert {result.transport for result in results} == {"grpc"}
    assert switches() == []


# The way back


@pytest.mark.parametrize("reply", [answer, lambda _: ServiceError(Code.PERMISSION_DENIED, "no")])
@pytest.mark.parametrize("use", ["stream", "call"])
def test_grpc_is_tried_again_now_and_then_and_taken_when_it_is_back(
    kind: Kind, use: str, reply: Script, switches: Callable[[], list[str]]
) -> None:
    """Whatever the service answers over gRPC, it was reached."""
    over_grpc, clock = Service(reply), _Clock()

    def call() -> None:
        if use == "stream":
            client.collect([png(1)])
        else:
            with suppress(ServiceError):
                client.batch_analyze(_REQUEST)

    with (
        held_port() as port,
        serve_rest(answer) as over_rest,
        _between(kind, f"127.0.0.1:{port}", over_rest.address, clock) as client,
    ):
        call()
        server = Server(over_grpc, port)
        try:
            for _ in range(3):
                clock.now += (FIRST_PROBE_S - 1) / 3
                call()
            assert (len(over_rest.requests), len(over_grpc.requests)) == (4, 0), "it is not yet time"
            for _ in range(_MANY):
                clock.now += PROBE_INTERVAL_S
                call()
                if over_grpc.requests:
                    break
            by_rest = len(over_rest.requests)
            # From here on, without any time passing.
            for _ in range(5):
                call()
        finally:
            server.stop()
        assert (len(over_rest.requests), len(over_grpc.requests)) == (by_rest, 6)
    assert len(switches()) == 1


def test_each_time_that_grpc_stops_getting_through_is_told(kind: Kind, switches: Callable[[], list[str]]) -> None:
    clock = _Clock()
    with (
        held_port() as port,
        serve_rest(answer) as over_rest,
        _between(kind, f"127.0.0.1:{port}", over_rest.address, clock) as client,
    ):
        for _ in range(3):
            assert client.analyze(png(1)).transport == "rest"
        assert len(switches()) == 1
        server = Server(Service(answer), port)
        try:
            for _ in range(_MANY):
                clock.now += PROBE_INTERVAL_S
                if client.analyze(png(1)).transport == "grpc":
                    break
        finally:
            server.stop()
        # The end of the connection that there was may be seen by a call, which is then sent again.
        assert client.analyze(png(1)).transport == "rest"
        assert client.analyze(png(1)).transport == "rest"
    assert len(switches()) == 2


def test_when_neither_gets_through_grpc_need_not_wait_for_its_turn(kind: Kind, closed_port: str) -> None:
    clock = _Clock()
    with held_port() as port, _between(kind, f"127.0.0.1:{port}", closed_port, clock) as client:
        with pytest.raises(TransportError):
            client.batch_analyze(_REQUEST)
        with pytest.raises(TransportError):
            client.analyze(png(1))
        server = Server(Service(answer), port)
        try:
            for _ in range(_MANY):
                with suppress(TransportError):
                    assert client.batch_analyze(_REQUEST) == answer(_REQUEST)
                    break
            result = client.analyze(png(1))
        finally:
            server.stop()
    assert (result.transport, result.fallback_reason) == ("grpc", None)


def test_time_is_kept_over_both_ways(kind: Kind, closed_port: str) -> None:
    with (
        _port_that(lambda _: None) as port,
        _between(kind, closed_port, f"127.0.0.1:{port}", time.monotonic) as client,
    ):
        with pytest.raises(DeadlineError):
            client.analyze(png(1), timeout=0.5)
        with pytest.raises(DeadlineError):
            client.batch_analyze(_REQUEST, timeout=0.5)
