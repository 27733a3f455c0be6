"""Who may reach the local service over HTTP: by which Host header, from which web pages, and from where for tokens."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from raw_http import PATH, SMALL_REQUEST, Answer, ask, blank_engine, connect, head, post, receive

from vision_grpc.errors import Code
from vision_grpc.local import Identities, LocalVision
from vision_grpc.local.cloud.metadata import PATH as TOKEN_PATH
from vision_grpc.local.config import ServiceConfig

FLAVOR = {"metadata_flavor": "Google"}
APP = "https://app.example"
# What a browser adds to a request of a page, by the kind of the request.
FOREIGN = {
    "post of plain text": {
        "origin": "http://evil.example",
        "sec_fetch_site": "cross-site",
        "content_type": "text/plain",
    },
    "another port": {"origin": "http://localhost:3000", "sec_fetch_site": "same-site"},
    "old browser": {"origin": "http://evil.example"},
    "sandboxed frame": {"origin": "null"},
    "image": {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"},
    "image of a neighbour": {"sec_fetch_site": "same-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"},
    "frame": {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
    "other scheme": {"origin": "file://localhost"},
    "origin with a path": {"origin": "http://localhost/x"},
}


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    with LocalVision(identities=Identities(), engine=blank_engine()) as service:
        yield service


@pytest.fixture(scope="module")
def open_vision() -> Iterator[LocalVision]:
    config = ServiceConfig(hosts=("vision.example", "*.test"), cors_origins=(APP,))
    with LocalVision(engine=blank_engine(), config=config) as service:
        yield service


ROUTES = [
    ("POST", PATH), ("GET", TOKEN_PATH), ("GET", "/endpoints"), ("GET", "/endpoints/iam"), ("POST", "/iam/v1/tokens"),
    ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/"), ("GET", "/_vision/requests"), ("GET", "/metrics"),
    ("OPTIONS", PATH), ("HEAD", TOKEN_PATH), ("GET", "/nowhere"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_is_reached_by_the_name_of_another_service(vision: LocalVision, method: str, path: str) -> None:
    for host in ("evil.example", f"evil.example:{vision.rest_endpoint.rpartition(':')[2]}", "localhost.evil.example"):
        with connect(vision) as connected:
            connected.sendall(head(method, path, **{"host": host, "content_length": 0} | FLAVOR))
            answer = receive(connected, method)
        assert answer.status == 421
        assert "access_token" not in str(answer.body)
        if method != "HEAD":
            assert answer.json["code"] == Code.PERMISSION_DENIED
            assert "--allowed-host" in answer.json["message"]
            assert repr(host) in answer.json["message"]


def test_what_the_first_line_names_counts_and_not_the_header(vision: LocalVision) -> None:
    assert ask(vision, head("GET", "http://evil.example/healthz", host="localhost")).status == 421
    assert ask(vision, head("GET", "http://localhost:1/healthz", host="evil.example")).status == 200


def test_two_host_headers_or_none_are_not_http(vision: LocalVision) -> None:
    assert ask(vision, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n").status == 400
    assert ask(vision, b"GET /healthz HTTP/1.1\r\n\r\n").status == 400
    # Browsers speak HTTP/1.1, and health checks of balancers HTTP/1.0 without any Host.
    assert ask(vision, b"GET /healthz HTTP/1.0\r\n\r\n").status == 200
    assert ask(vision, b"GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n").status == 421


@pytest.mark.parametrize("host", ["localhost", "LocalHost:80", "127.0.0.1", "[::1]:9", "vision.example:1", "a.test"])
def test_own_and_allowed_names_reach_the_service(open_vision: LocalVision, host: str) -> None:
    assert ask(open_vision, post(host=host)).status == 200


def test_a_service_for_other_machines_takes_the_addresses_that_they_use() -> None:
    with LocalVision(host="0.0.0.0", engine=blank_engine()) as vision:  # noqa: S104
        own = _address_of_this_machine()
        with connect(vision, host=own) as connected:
            for host in (own, f"{own}:8080", "vision:50051", "192.168.1.10", "localhost"):
                connected.sendall(post(host=host))
                assert receive(connected).status == 200
            connected.sendall(post(host="evil.example"))
            assert receive(connected).status == 421


@pytest.mark.parametrize("case", FOREIGN)
def test_pages_of_other_origins_are_refused(vision: LocalVision, case: str) -> None:
    for method, path in (("POST", PATH), ("GET", TOKEN_PATH), ("GET", "/"), ("DELETE", "/_vision/requests")):
        with connect(vision) as connected:
            connected.sendall(head(method, path, content_length=0, **FLAVOR, **FOREIGN[case]))
            _check_refused(receive(connected, method))


def test_preflights_of_other_origins_get_no_permission(vision: LocalVision, open_vision: LocalVision) -> None:
    asked = {"access_control_request_method": "POST", "access_control_request_headers": "authorization"}
    for service in (vision, open_vision):
        _check_refused(ask(service, head("OPTIONS", origin="http://evil.example", **asked)))
    # Nor does a page of the service itself need any.
    answer = ask(vision, head("OPTIONS", origin="http://localhost", **asked))
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost"},
        {"origin": "https://localhost:8443", "host": "localhost:8443", "sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "same-origin", "sec_fetch_mode": "cors"},
    ],
)
def test_programs_and_the_services_own_page_are_served(open_vision: LocalVision, headers: dict[str, Any]) -> None:
    answer = ask(open_vision, post(**headers))
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers


def test_a_link_to_the_page_may_be_followed(vision: LocalVision) -> None:
    visit: dict[str, Any] = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert ask(vision, head("GET", "/healthz", **visit)).status == 200
    _check_refused(ask(vision, post(**visit)))


def test_an_allowed_origin_gets_what_it_needs(open_vision: LocalVision) -> None:
    asked = {
        "access_control_request_method": "POST",
        "access_control_request_headers": "authorization,content-type",
        "access_control_request_private_network": "true",
    }
    preflight = ask(open_vision, head("OPTIONS", origin=APP, sec_fetch_site="cross-site", **asked))
    assert (preflight.status, preflight.body) == (204, b"")
    assert preflight.headers["access-control-allow-origin"] == APP
    assert preflight.headers["access-control-allow-headers"] == "authorization,content-type"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-private-network"] == "true"
    for request, status in ((post(origin=APP, sec_fetch_site="cross-site"), 200), (post(b"{", origin=APP), 400)):
        answer = ask(open_vision, request)
        assert answer.status == status
        assert answer.headers["access-control-allow-origin"] == APP
        assert answer.headers["vary"] == "Origin"
        assert "x-request-id" in answer.headers["access-control-expose-headers"]


def test_any_origin_may_be_allowed() -> None:
    with LocalVision(engine=blank_engine(), config=ServiceConfig(cors_origins=("*",))) as vision:
        assert ask(vision, post(origin=APP)).headers["access-control-allow-origin"] == APP
        assert ask(vision, post(origin="null")).headers["access-control-allow-origin"] == "null"


def test_tokens_are_for_programs_of_this_machine(vision: LocalVision) -> None:
    answer = ask(vision, head("GET", TOKEN_PATH, **FLAVOR))
    assert answer.status == 200
    assert isinstance(answer.json["expires_in"], int), "clients in Go read whole seconds alone"
    bearer = f"Bearer {answer.json['access_token']}"
    assert ask(vision, post(authorization=bearer)).status == 200
    for headers in (
        {},
        {"metadata_flavor": "google"},
        FLAVOR | {"x_forwarded_for": "10.0.0.1"},
        FLAVOR | {"forwarded": "for=10.0.0.1"},
        FLAVOR | {"via": "1.1 proxy"},
        FLAVOR | {"origin": "http://localhost"},
    ):
        refused = ask(vision, head("GET", TOKEN_PATH, **headers))
        assert (refused.status, b"access_token" in refused.body) == (403, False)
    assert ask(vision, head("POST", TOKEN_PATH, content_length=0, **FLAVOR)).status == 405


def test_an_allowed_origin_gets_no_token() -> None:
    with LocalVision(
        identities=Identities(), engine=blank_engine(), config=ServiceConfig(cors_origins=("*",))
    ) as vision:
        assert ask(vision, head("GET", TOKEN_PATH, origin=APP, **FLAVOR)).status == 403


@pytest.mark.parametrize("size", [20_000, 5_000])
def test_refusals_quote_little(vision: LocalVision, open_vision: LocalVision, size: int) -> None:
    long = "x" * size
    requests = [
        head("GET", f"/{long}"), head("GET", f"/endpoints/{long}"), head("GET", "/healthz", host=long),
        head("GET", "/healthz", origin=f"http://{long}"), post(content_encoding=long), head(long, "/healthz"),
        head("OPTIONS", origin=long, access_control_request_method=long), post(authorization=long),
        post(json.dumps({"folderId": long * 500}).encode()), post(json.dumps({long * 500: 1}).encode()),
        post(json.dumps({"analyzeSpecs": [{"content": "!" + long * 500}]}).encode()),
        post(json.dumps({"analyzeSpecs": [{"features": [{"type": long}]}]}).encode()),
        post(SMALL_REQUEST.replace(b'"en"', json.dumps(long).encode())),
        post(SMALL_REQUEST.replace(b'"YQ=="', json.dumps(long).encode() + b":")),
    ]  # fmt: skip
    for service in (vision, open_vision):
        for request in requests:
            answer = ask(service, request)
            assert len(answer.body) + sum(map(len, answer.headers.values())) < 3_000, request[:100]


def _check_refused(answer: Answer) -> None:
    assert answer.status == 403
    assert answer.json["code"] == Code.PERMISSION_DENIED
    assert "--cors-origin" in answer.json["message"]
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def _address_of_this_machine() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: the system only chooses an address to send from.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but the loopback's")
        return str(probe.getsockname()[0])
