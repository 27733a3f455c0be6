"""What the variables of proxies mean, seen from the proxy: the same to gRPC, to REST and to the doctor."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import pytest
from images_in_bytes import png
from proxy_forms import FORMS, Form, Verdict

from vision_grpc import PathError, VisionClient, VisionError
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.auth import Anonymous
from vision_grpc.doctor import examine
from vision_grpc.session.settings import Arguments

_REQUEST = VISION_V1.template(("*",), "", "").message([png(1)])
_PATIENTLY_S = 20.0
# Nobody answers where a direct connection leads to.
_BRIEFLY_S = 0.5

Transport = Literal["grpc", "rest"]


class _Proxy(NamedTuple):
    address: str
    asked: list[bytes]
    """What each of its clients said first."""


@pytest.fixture(scope="module")
def running() -> Iterator[_Proxy]:
    """A proxy that refuses everything."""
    asked: list[bytes] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.settimeout(_PATIENTLY_S)
                    asked.append(connection.recv(65_536))
                    connection.sendall(b"HTTP/1.1 403 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield _Proxy(f"127.0.0.1:{listener.getsockname()[1]}", asked)
        # Closing alone does not wake an accept().
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def proxy(running: _Proxy) -> _Proxy:
    running.asked.clear()
    return running


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_each_form_has_one_meaning(monkeypatch: pytest.MonkeyPatch, proxy: _Proxy, form: Form) -> None:
    for name, value in form.environ_of(proxy.address).items():
        monkeypatch.setenv(name, value)
    timeout_s = _BRIEFLY_S if form.verdict == "direct" else _PATIENTLY_S
    transports: tuple[Transport, ...] = ("grpc", "rest")
    verdicts = {
        **{f"{each} client": _verdict_of_client(form.endpoint, each, proxy, timeout_s) for each in transports},
        **{f"{each} doctor": _verdict_of_doctor(form.endpoint, each, proxy, timeout_s) for each in transports},
    }
    assert verdicts == dict.fromkeys(verdicts, form.verdict)


def _verdict_of_client(endpoint: str, transport: Transport, proxy: _Proxy, timeout_s: float) -> Verdict:
    proxy.asked.clear()
    with (
        VisionClient(endpoint, transport=transport, credentials=Anonymous()) as client,
        pytest.raises(VisionError) as caught,
    ):
        client.batch_analyze(_REQUEST, timeout=timeout_s)
    if proxy.asked:
        return "proxy"
    is_unusable = isinstance(caught.value, PathError) and " cannot be used: " in str(caught.value)
    return "unusable" if is_unusable else "direct"


def _verdict_of_doctor(endpoint: str, transport: Transport, proxy: _Proxy, timeout_s: float) -> Verdict:
    proxy.asked.clear()
    arguments = Arguments(endpoint=endpoint, transport=transport, credentials=Anonymous())
    said: dict[str, Any] = {}
    for finding in examine(arguments, {}, timeout_s=timeout_s):
        said.setdefault(finding.name, finding)
    finding = said["proxy"]
    if finding.state == "ok":
        assert not proxy.asked
        assert finding.message.startswith("none, the connection is direct")
        return "direct"
    if finding.state == "fault":
        assert not proxy.asked
        assert " cannot be used: " in finding.message
        assert "name one as http://host:port, or " in finding.fix
        return "unusable"
    assert proxy.asked
    assert finding.message.startswith(f"{proxy.address}, named by ")
    return "proxy"
