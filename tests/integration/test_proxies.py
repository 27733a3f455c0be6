import socket
import ssl
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import grpc
import pytest
import trustme
from auth_peers import Reply, Request, grpc_server, http_server
from drivers import AsyncDriver, SyncDriver
from held_port import held_port
from images_in_bytes import png
from lying_server import drip, lying_server, note, read_request, tunnel_to

from vision_grpc import ApiEndpoints, AuthError, PathError, ServiceError, VisionClient
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.auth import Anonymous, ApiKey, OAuthToken
from vision_grpc.codec.json import to_json
from vision_grpc.local import LocalVision
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeResponse
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.proxy import Proxy
from vision_grpc.network.tunnel import TunnelError, open_tunnel

_REQUEST = VISION_V1.template(("*",), "", "").message([png(1)])
_RESPONSE = BatchAnalyzeResponse(results=[AnalyzeResult()])
PAGE = Path(__file__).parent.parent / "data" / "pages" / "en_sans.png"


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_what_stays_on_this_machine_passes_no_proxy(
    monkeypatch: pytest.MonkeyPatch, transport: Literal["grpc", "rest"]
) -> None:
    """It may be plaintext, and a proxy is another machine."""
    with socket.create_server(("127.0.0.1", 0)) as proxy, LocalVision() as vision:
        proxy.settimeout(0)
        for variable in ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        endpoint = vision.grpc_endpoint if transport == "grpc" else vision.rest_endpoint
        insecure = transport == "grpc"
        with VisionClient(endpoint, transport=transport, credentials=ApiKey("key"), insecure=insecure) as client:
            assert client.analyze(PAGE, languages=["en"]).text.startswith("The harbour was quiet")
        with pytest.raises(BlockingIOError):
            proxy.accept()


@pytest.mark.parametrize("driver", [SyncDriver, AsyncDriver])
@pytest.mark.parametrize("transport", ["grpc", "rest", "auto"])
@pytest.mark.parametrize(
    "proxy",
    [
        "socks5://me:S3cretword@127.0.0.1:1",
        "https://me:S3cretword@127.0.0.1:1",
        "foo://me:S3cretword@127.0.0.1:1",
        "http://me:S3cretword@foo..bar:1",
        "http://me:S3cretword@foo:bar",
        "me:S3cretword@",
        "http://me:12/S3cretword@foo",
    ],
)
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
    driver: type[SyncDriver] | type[AsyncDriver],
    transport: Literal["grpc", "rest", "auto"],
    proxy: str,
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    client = driver({"endpoint": "vision.example", "transport": transport, "credentials": ApiKey("key")})
    with pytest.raises(PathError, match=r"the proxy in https_proxy cannot be used: \w") as caught:
        client.batch_analyze(_REQUEST)
    assert caught.value.lasting
    assert "name one as http://host:port, or set NO_PROXY=vision.example" in str(caught.value)
    assert "S3cret" not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(AuthError, match=r"no token from the IAM service at .* cannot be used: \w"):
        OAuthToken("token", iam_endpoint="iam.example", transport=transport).authorization(timeout_s=20)


@pytest.mark.parametrize("driver", [SyncDriver, AsyncDriver])
@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_proxy_that_refuses_is_told_without_what_it_quotes(
    monkeypatch: pytest.MonkeyPatch, driver: type[SyncDriver] | type[AsyncDriver], transport: str
) -> None:
    heard: list[bytes] = []

    def refuse(proxy: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = proxy.accept()
                with connection:
                    heard.append(connection.recv(65536))
                    connection.sendall(
                        b"HTTP/1.1 407 %s\r\ncontent-length: 0\r\n\r\n" % heard[-1].replace(b"\r\n", b" ")
                    )

    with socket.create_server(("127.0.0.1", 0)) as proxy:
        thread = threading.Thread(target=refuse, args=(proxy,))
        thread.start()
        monkeypatch.setenv("https_proxy", f"http://me:S3cretword@127.0.0.1:{proxy.getsockname()[1]}")
        client = driver({"endpoint": "vision.example", "transport": transport, "credentials": ApiKey("key")})
        try:
            with pytest.raises(PathError, match=r"was not reached: .*407") as caught:
                client.batch_analyze(_REQUEST, timeout=20)
        finally:
            # Closing alone does not wake an accept().
            proxy.shutdown(socket.SHUT_RDWR)
            thread.join()
    assert b"Basic " in heard[0]
    assert "Basic" not in str(caught.value)


@pytest.mark.parametrize("driver", [SyncDriver, AsyncDriver])
def test_a_tunnel_leads_to_the_service(
    monkeypatch: pytest.MonkeyPatch, driver: type[SyncDriver] | type[AsyncDriver]
) -> None:
    """Which sees neither the proxy's password nor that there is one; and the proxy sees no token."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("vision.example").configure_cert(context)
    requests: list[Request] = []
    asked: list[bytes] = []

    def serve(request: Request) -> Reply:
        requests.append(request)
        return Reply(200, to_json(_RESPONSE))

    with http_server(serve, context) as url, lying_server(note(asked, tunnel_to(url))) as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:S3cretword@{proxy.address}")
        options = {"endpoint": "vision.example", "root_certificates": authority.cert_pem.bytes()}
        client = driver({**options, "transport": "rest", "credentials": ApiKey("key")})
        assert client.batch_analyze(_REQUEST, timeout=20) == _RESPONSE
    (request,) = requests
    assert request.path.startswith("/vision/v1/")
    assert request.headers["host"] == "vision.example"
    assert request.headers["authorization"] == "Api-Key key"
    assert "proxy-authorization" not in request.headers
    (connect,) = asked
    assert connect.startswith(b"CONNECT vision.example:443 HTTP/1.1\r\n")
    assert b"\r\nProxy-Authorization: Basic bWU6UzNjcmV0d29yZA==\r\n" in connect


@pytest.mark.parametrize("driver", [SyncDriver, AsyncDriver])
@pytest.mark.parametrize("transport", ["grpc", "auto"])
@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("vision.example", None),
        ("vision.example:8443", None),
        ("198.51.100.7:8443", None),
        ("198.51.100.7", "vision.example"),
        ("[2001:db8::7]:8443", "vision.example"),
        ("http://vision.example:8080", None),
    ],
)
def test_a_tunnel_leads_to_the_service_over_grpc(
    monkeypatch: pytest.MonkeyPatch,
    driver: type[SyncDriver] | type[AsyncDriver],
    transport: str,
    endpoint: str,
    name: str | None,
) -> None:
    """Whatever gRPC itself would read from the environment."""
    authority = trustme.CA()
    own = authority.issue_cert("vision.example", "198.51.100.7")
    tls = grpc.ssl_server_credentials([(own.private_key_pem.bytes(), own.cert_chain_pems[0].bytes())])
    is_plaintext = endpoint.startswith("http:")
    received: list[dict[str, str | bytes]] = []
    asked: list[bytes] = []

    def serve(_: bytes, context: grpc.ServicerContext) -> bytes:
        received.append(dict(context.invocation_metadata()))
        return _RESPONSE.SerializeToString()

    with (
        grpc_server(serve, None if is_plaintext else tls, VISION_V1.grpc_path) as address,
        lying_server(note(asked, tunnel_to(address))) as proxy,
    ):
        monkeypatch.setenv("HTTP_PROXY" if is_plaintext else "HTTPS_PROXY", f"me:S3cret%20word@{proxy.address}")
        monkeypatch.setenv("https_proxy" if is_plaintext else "http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("no_proxy", "example.com")
        options: dict[str, Any] = {"endpoint": endpoint, "transport": transport, "server_name": name}
        if is_plaintext:
            options |= {"credentials": Anonymous()}
        else:
            options |= {"credentials": ApiKey("key"), "root_certificates": authority.cert_pem.bytes()}
        assert driver(options).batch_analyze(_REQUEST, timeout=20) == _RESPONSE
    assert [metadata.get("authorization") for metadata in received] == [None if is_plaintext else "Api-Key key"]
    assert "proxy-authorization" not in received[0]
    target = Endpoint.parse(endpoint, insecure=False).target
    assert asked[0].startswith(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n".encode())
    assert b"\r\nProxy-Authorization: Basic bWU6UzNjcmV0IHdvcmQ=\r\n" in asked[0]


@pytest.mark.parametrize("transport", ["grpc", "rest", "auto"])
def test_the_services_of_the_cloud_are_called_through_the_proxy_too(
    monkeypatch: pytest.MonkeyPatch, transport: Literal["grpc", "rest", "auto"]
) -> None:
    """For tokens and for addresses."""
    asked: list[bytes] = []
    with lying_server(note(asked, _refuse)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        with pytest.raises(AuthError, match=rf"the proxy {proxy.address} \(see HTTPS_PROXY and NO_PROXY"):
            OAuthToken("token", iam_endpoint="iam.example", transport=transport).authorization(timeout_s=4)
        directory = ApiEndpoints("api.example", transport=transport)
        with pytest.raises(PathError, match=rf"the proxy {proxy.address} \(see HTTPS_PROXY and NO_PROXY"):
            directory.address("ai-vision", timeout_s=20)
    assert {request.split()[1] for request in asked} == {b"iam.example:443", b"api.example:443"}


@pytest.mark.parametrize("driver", [SyncDriver, AsyncDriver])
@pytest.mark.parametrize("no_proxy", ["vision.example", "a, .example", "vision.example:8080"])
def test_plaintext_goes_through_a_proxy_without_a_tunnel(
    monkeypatch: pytest.MonkeyPatch, driver: type[SyncDriver] | type[AsyncDriver], no_proxy: str
) -> None:
    requests: list[Request] = []

    def forward(request: Request) -> Reply:
        requests.append(request)
        if len(requests) == 1:
            return Reply(200, to_json(_RESPONSE))
        return Reply(407, repr(request).encode(), "text/plain")

    with http_server(forward) as url:
        monkeypatch.setenv("all_proxy", url.replace("http://", "http://me:S3cret%20word@"))
        client = driver({"endpoint": "http://vision.example:8080", "transport": "rest", "credentials": Anonymous()})
        assert client.batch_analyze(_REQUEST, timeout=20) == _RESPONSE
        with pytest.raises(ServiceError, match="HTTP 407") as caught:
            client.batch_analyze(_REQUEST, timeout=20)
        assert "bWU6UzNj" not in str(caught.value)
        monkeypatch.setenv("no_proxy", no_proxy)
        with pytest.raises(PathError, match=r"vision\.example:8080 was not reached: (?!.*proxy)"):
            client.batch_analyze(_REQUEST, timeout=20)
    request = requests[0]
    assert request.path.startswith("http://vision.example:8080/vision/v1/")
    assert request.headers["host"] == "vision.example:8080"
    assert request.headers["proxy-authorization"] == "Basic bWU6UzNjcmV0IHdvcmQ="


@pytest.mark.parametrize("driver", [SyncDriver, AsyncDriver])
@pytest.mark.parametrize("transport", ["grpc", "rest", "auto"])
def test_a_proxy_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, driver: type[SyncDriver] | type[AsyncDriver], transport: str
) -> None:
    with held_port() as port:
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{port}")
        client = driver({"endpoint": "vision.example", "transport": transport, "credentials": ApiKey("key")})
        expected = rf"vision\.example:443 was not reached: the proxy 127\.0\.0\.1:{port} \(see https_proxy"
        with pytest.raises(PathError, match=expected) as caught:
            client.batch_analyze(_REQUEST, timeout=20)
    assert not caught.value.lasting


def _refuse(connection: socket.socket, _: threading.Event) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 403 No\r\n\r\n")
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 200 Fine\r\nx: y\r\n\r\n", 200),
        (b"HTTP/1.0 200\n\n", 200),
        (b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 102 Yes\r\na: b\r\n\r\nHTTP/1.1 204 There\r\n\r\n", 200),
        (b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 407 Who?\r\n\r\n", 407),
        (b"HTTP/1.1 2000 Fine\r\n\r\n", None),
        (b"HTTP/1.1 100 Go on\r\n\r\n" * 10_000, None),
        (b"HTTP/1.1 200 Fine\r\nx: " + b"y" * 100_000, None),
        (b"SSH-2.0-OpenSSH_9.6\r\n", None),
        (b"HT", None),
        (b"", None),
    ],
)
def test_what_a_proxy_answers_to_connect(answer: bytes, status: int | None) -> None:
    def reply(connection: socket.socket, _: threading.Event) -> None:
        read_request(connection)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)

    with lying_server(reply) as server:
        if status == 200:
            _open_tunnel(server.address, timeout_s=20)
            return
        with pytest.raises(TunnelError) as caught:
            _open_tunnel(server.address, timeout_s=20)
        assert caught.value.status == status


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 Fine\r\n\r\n", b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 200 Fine\n\n"])
@pytest.mark.parametrize("first", [0, 5, 22])
def test_what_the_service_says_first_is_left_to_be_read(head: bytes, first: int) -> None:
    def reply(connection: socket.socket, _: threading.Event) -> None:
        read_request(connection)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)  # noqa: FBT003 - what the option is set to
        connection.sendall(head[:first])
        connection.sendall(head[first:] + b"hello\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)

    with lying_server(reply) as server, _connected(server.address) as connection:
        _open_tunnel_on(connection)
        assert connection.makefile("rb").read() == b"hello\r\n\r\n"


@pytest.mark.parametrize("timeout_s", [0.5, 0])
def test_a_proxy_is_not_waited_for_however_often_it_sends_something(timeout_s: float) -> None:
    with lying_server(drip(b"HTTP/1.1 200 Fine\r\nx: ", b"y")) as server, pytest.raises(TimeoutError):
        _open_tunnel(server.address, timeout_s=timeout_s)


def _open_tunnel(address: str, *, timeout_s: float) -> None:
    with _connected(address) as connection:
        _open_tunnel_on(connection, timeout_s)


def _connected(address: str) -> socket.socket:
    host, _, port = address.partition(":")
    return socket.create_connection((host, int(port)))


def _open_tunnel_on(connection: socket.socket, timeout_s: float = 20) -> None:
    proxy = Proxy("https_proxy", *connection.getpeername())
    open_tunnel(connection, Endpoint("vision.example", 443, plaintext=False), proxy, Deadline.after(timeout_s))
