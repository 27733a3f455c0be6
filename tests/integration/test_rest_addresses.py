"""A name with several addresses: what does not answer, or refuses, holds up no call."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from addresses import black_holes, resolve
from auth_peers import Reply, always, http_server
from drivers import AsyncDriver, SyncDriver
from held_port import held_port
from images_in_bytes import png
from scripted_service import answer, serve_rest

from vision_grpc import PathError, RetryPolicy, VisionClient
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.auth import Anonymous, MetadataService
from vision_grpc.cloud.once import fetch
from vision_grpc.doctor import examine
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.happy_eyeballs import connect
from vision_grpc.network.http.message import HttpRequest
from vision_grpc.network.tls import Tls
from vision_grpc.session.settings import Arguments

_REQUEST = VISION_V1.template(("*",), "", "").message([png(1)])
_ANONYMOUS = partial(Arguments, transport="rest", credentials=Anonymous())
_SOON_S = 20.0
"""Far less than the system waits for an answer to a request to connect, and enough on a busy machine."""


def _port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.mark.parametrize("driver", [SyncDriver, AsyncDriver])
@pytest.mark.parametrize(
    "silent", [["::1"], ["127.0.0.2"], ["127.0.0.2", "127.0.0.3", "::1"]], ids=["IPv6", "IPv4", "several"]
)
def test_addresses_that_do_not_answer_are_passed_over(
    monkeypatch: pytest.MonkeyPatch, driver: type[SyncDriver] | type[AsyncDriver], silent: list[str]
) -> None:
    with serve_rest(answer) as service, black_holes(_port_of(service.address), *silent):
        resolve(monkeypatch, *silent, "127.0.0.1")
        options = {"credentials": Anonymous(), "transport": "rest", "retry": RetryPolicy(attempts=1)}
        client = driver({"endpoint": f"http://vision.example:{_port_of(service.address)}", **options})
        assert client.batch_analyze(_REQUEST, timeout=_SOON_S) == answer(_REQUEST)
        assert [result.text for result in client.collect([png(1)])] == ["1"]


@pytest.mark.parametrize("refusing", [["127.0.0.2"], ["::1", "127.0.0.2", "::1", "127.0.0.3"]])
def test_addresses_that_refuse_are_passed_over(monkeypatch: pytest.MonkeyPatch, refusing: list[str]) -> None:
    with serve_rest(answer) as service:
        port = _port_of(service.address)
        resolve(monkeypatch, *refusing, "127.0.0.1")
        with connect("vision.example", port, Deadline.after(_SOON_S)) as connection:
            assert connection.getpeername() == ("127.0.0.1", port)
            assert connection.gettimeout() is None


def test_what_refuses_while_others_are_silent_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_rest(answer) as service, black_holes(_port_of(service.address), "127.0.0.2"):
        resolve(monkeypatch, "127.0.0.2", "127.0.0.3", "127.0.0.1")
        connect("vision.example", _port_of(service.address), Deadline.after(_SOON_S)).close()


def test_many_silent_addresses_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a quarter of a second each, the last one would never be tried."""
    silent = [f"127.0.0.{number}" for number in range(2, 22)]
    with serve_rest(answer) as service, black_holes(_port_of(service.address), *silent):
        resolve(monkeypatch, *silent, "127.0.0.1")
        connect("vision.example", _port_of(service.address), Deadline.after(4.5)).close()


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        (["127.0.0.1"], r"Connection refused$"),
        (["127.0.0.1", "127.0.0.2"], r"Connection refused \(127\.0\.0\.1, 127\.0\.0\.2\)$"),
        (["127.0.0.1", "::1"], r"\(127\.0\.0\.1, ::1\)$"),
        ([f"127.0.0.{number}" for number in range(1, 100)], r"127\.0\.0\.4 and 95 more\)$"),
    ],
)
def test_where_all_addresses_refuse_the_error_names_them(
    monkeypatch: pytest.MonkeyPatch, hosts: list[str], expected: str
) -> None:
    with held_port() as port:
        resolve(monkeypatch, *hosts)
        with (
            VisionClient(f"http://vision.example:{port}", transport="rest", credentials=Anonymous()) as client,
            pytest.raises(PathError, match=expected) as caught,
        ):
            client.batch_analyze(_REQUEST, timeout=_SOON_S)
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


def test_where_no_address_answers_in_time_the_error_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with held_port() as port, black_holes(port, "127.0.0.2", "::1"):
        resolve(monkeypatch, "127.0.0.2", "127.0.0.1", "::1")
        expected = r"timed out: no answer \(127\.0\.0\.2, ::1\); Connection refused \(127\.0\.0\.1\)"
        with pytest.raises(TimeoutError, match=expected):
            connect("vision.example", port, Deadline.after(1.0))


def test_a_name_without_an_address_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch)
    with pytest.raises(socket.gaierror):
        connect("vision.example", 443, Deadline.after(_SOON_S))


@pytest.fixture
def hung_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let name resolution hang until the end of the test."""
    over = threading.Event()

    def look_up(*_args: object, **_options: object) -> list[object]:
        over.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield
    over.set()


def _call(timeout_s: float) -> None:
    with VisionClient("http://vision.example:80", transport="rest", credentials=Anonymous()) as client:
        client.batch_analyze(_REQUEST, timeout=timeout_s)


def _dial(timeout_s: float) -> None:
    connect("vision.example", 80, Deadline.after(timeout_s))


@pytest.mark.usefixtures("hung_resolver")
@pytest.mark.parametrize("ask", [_call, _dial])
def test_name_resolution_that_hangs_ends_at_the_deadline(ask: Callable[[float], None]) -> None:
    started = time.monotonic()
    with pytest.raises((PathError, socket.gaierror)):
        ask(0.5)
    assert time.monotonic() - started < _SOON_S


@pytest.mark.usefixtures("hung_resolver")
def test_the_doctor_does_not_wait_for_name_resolution_that_hangs() -> None:
    findings = list(examine(_ANONYMOUS("http://vision.example:80"), {}, timeout_s=0.5))
    (fault,) = [finding for finding in findings if finding.state == "fault"]
    assert (fault.name, "did not answer in time" in fault.message) == ("address", True)


def test_a_proxy_may_have_several_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    with http_server(always(Reply(404, b"{}"))) as url, black_holes(_port_of(url), "127.0.0.2"):
        resolve(monkeypatch, "127.0.0.2", "127.0.0.1")
        monkeypatch.setenv("http_proxy", f"http://proxy.example:{_port_of(url)}")
        attempt = Attempt(Endpoint("vision.example", 80, plaintext=True), Deadline.after(_SOON_S))
        assert fetch(attempt, Tls(), HttpRequest("GET", "/", {})).status == 404


def test_a_token_service_may_have_several_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    token = always(Reply(200, b'{"access_token": "t1.token", "expires_in": 3600}'))
    with http_server(token) as url, black_holes(_port_of(url), "::1"):
        resolve(monkeypatch, "::1", "127.0.0.1")
        service = MetadataService(f"http://metadata.example:{_port_of(url)}")
        assert service.authorization(timeout_s=_SOON_S) == "Bearer t1.token"


def test_the_doctor_reaches_the_address_that_calls_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_rest(answer) as service, black_holes(_port_of(service.address), "127.0.0.2"):
        resolve(monkeypatch, "127.0.0.2", "127.0.0.1")
        arguments = _ANONYMOUS(f"http://vision.example:{_port_of(service.address)}")
        findings = {finding.name: finding for finding in examine(arguments, {}, timeout_s=_SOON_S)}
    assert findings["port"].message.endswith("takes connections (127.0.0.1)")
    assert findings["http"].state == "ok"
