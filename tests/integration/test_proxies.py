import socket
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pytest
from drivers import AsyncDriver, SyncDriver
from images_in_bytes import png

from vision_grpc import AuthError, PathError, VisionClient
from vision_grpc.auth import ApiKey, OAuthToken
from vision_grpc.core.requests import ask_for_text, build_request
from vision_grpc.local import LocalVision

_REQUEST = build_request([png(1)], ask_for_text(("*",), "", ""))
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
    ["socks5://me:S3cretword@127.0.0.1:1", "foo://me:S3cretword@127.0.0.1:1", "http://me:S3cretword@foo..bar:1"],
)
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, driver: type[SyncDriver] | type[AsyncDriver], proxy: str
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    client = driver({"endpoint": "vision.example", "transport": "rest", "credentials": ApiKey("key")})
    with pytest.raises(PathError, match=r"a proxy that the environment names .* cannot be used: \w") as caught:
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
