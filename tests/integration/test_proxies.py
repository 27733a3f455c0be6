import socket
import ssl
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pytest
import trustme
from auth_peers import Reply, Request, http_server
from drivers import AsyncDriver, SyncDriver
from held_port import held_port
from images_in_bytes import png
from lying_server import lying_server, tunnel_to

from vision_grpc import AuthError, PathError, VisionClient
from vision_grpc.auth import Anonymous, ApiKey, OAuthToken
from vision_grpc.core.requests import ask_for_text, build_request
from vision_grpc.json import to_json
from vision_grpc.local import LocalVision
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeResponse

_REQUEST = build_request([png(1)], ask_for_text(("*",), "", ""))
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
@pytest.mark.parametrize(
    "proxy",
    [
        "socks5://me:S3cretword@127.0.0.1:1",
        "https://me:S3cretword@127.0.0.1:1",
        "foo://me:S3cretword@127.0.0.1:1",
        "http://me:S3cretword@foo..bar:1",
        "http://me:S3cretword@foo:bar",
        "me:S3cretword@",
    ],
)
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, driver: type[SyncDriver] | type[AsyncDriver], proxy: str
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    client = driver({"endpoint": "vision.example", "transport": "rest", "credentials": ApiKey("key")})
    with pytest.raises(PathError, match=r"the proxy in https_proxy cannot be used: \w") as caught:
        client.batch_analyze(_REQUEST)
    assert caught.value.lasting
    assert "S3cret" not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(AuthError, match=r"no token from the IAM service at .* cannot be used: \w"):
        OAuthToken("token", iam_endpoint="iam.example", transport="rest").authorization(timeout_s=5)


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

    def serve(request: Request) -> Reply:
        requests.append(request)
        return Reply(200, to_json(_RESPONSE))

    with http_server(serve, context) as url, lying_server(tunnel_to(url)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:S3cretword@{proxy.address}")
        options = {"endpoint": "vision.example", "root_certificates": authority.cert_pem.bytes()}
        client = driver({**options, "transport": "rest", "credentials": ApiKey("key")})
        assert client.batch_analyze(_REQUEST, timeout=20) == _RESPONSE
    (request,) = requests
    assert request.path.startswith("/vision/v1/")
    assert request.headers["host"] == "vision.example"
    assert request.headers["authorization"] == "Api-Key key"
    assert "proxy-authorization" not in request.headers


@pytest.mark.parametrize("driver", [SyncDriver, AsyncDriver])
def test_plaintext_goes_through_a_proxy_without_a_tunnel(
    monkeypatch: pytest.MonkeyPatch, driver: type[SyncDriver] | type[AsyncDriver]
) -> None:
    requests: list[Request] = []

    def forward(request: Request) -> Reply:
        requests.append(request)
        return Reply(200, to_json(_RESPONSE))

    with http_server(forward) as url:
        monkeypatch.setenv("all_proxy", url.replace("http://", "http://me:S3cret%20word@"))
        client = driver({"endpoint": "http://vision.example:8080", "transport": "rest", "credentials": Anonymous()})
        assert client.batch_analyze(_REQUEST, timeout=20) == _RESPONSE
        monkeypatch.setenv("no_proxy", "vision.example")
        with pytest.raises(PathError, match=r"vision\.example:8080 was not reached: (?!.*proxy)"):
            client.batch_analyze(_REQUEST, timeout=20)
    (request,) = requests
    assert request.path.startswith("http://vision.example:8080/vision/v1/")
    assert request.headers["host"] == "vision.example:8080"
    assert request.headers["proxy-authorization"] == "Basic bWU6UzNjcmV0IHdvcmQ="


@pytest.mark.parametrize("driver", [SyncDriver, AsyncDriver])
def test_a_proxy_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, driver: type[SyncDriver] | type[AsyncDriver]
) -> None:
    with held_port() as port:
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{port}")
        client = driver({"endpoint": "vision.example", "transport": "rest", "credentials": ApiKey("key")})
        expected = rf"vision\.example:443 was not reached: the proxy 127\.0\.0\.1:{port} \(see https_proxy"
        with pytest.raises(PathError, match=expected) as caught:
            client.batch_analyze(_REQUEST, timeout=20)
    assert not caught.value.lasting
