import socket
import threading
import time
from types import SimpleNamespace

import pytest
from auth_peers import Reply, Request, always, grpc_server, http_server
from held_port import held_port

from vision_grpc.cloud import discovery
from vision_grpc.cloud.discovery import ApiEndpoints
from vision_grpc.codec.json import to_json
from vision_grpc.errors import Code, MachineError, PathError, ServiceError, TransportError
from vision_grpc.messages import ApiEndpoint, ListApiEndpointsResponse

_ANSWER = ListApiEndpointsResponse(
    endpoints=[
        ApiEndpoint(id="ai-vision", address="vision.example:443"),
        ApiEndpoint(id="iam", address="iam.example:443"),
    ]
)


async def test_addresses_are_asked_for_once_over_rest() -> None:
    requests: list[Request] = []

    def answer(request: Request) -> Reply:
        requests.append(request)
        return Reply(200, to_json(_ANSWER))

    with http_server(answer) as url:
        endpoints = ApiEndpoints(url, transport="rest")
        assert await endpoints.address_async("ai-vision") == "vision.example:443"
        assert endpoints.address("iam") == "iam.example:443"
    assert [(request.method, request.path) for request in requests] == [("GET", "/endpoints")]


def test_addresses_come_over_grpc() -> None:
    method = "/yandex.cloud.endpoint.ApiEndpointService/List"
    with grpc_server(lambda _, __: _ANSWER.SerializeToString(), method=method) as address:
        assert ApiEndpoints(address, insecure=True).address("ai-vision") == "vision.example:443"


def test_an_unknown_service_is_told_from_those_that_there_are() -> None:
    with (
        http_server(always(Reply(200, to_json(_ANSWER)))) as url,
        pytest.raises(ServiceError, match="no service 'ocr', but ai-vision, iam") as caught,
    ):
        ApiEndpoints(url, transport="rest").address("ocr")
    assert caught.value.code is Code.NOT_FOUND


def test_a_failure_is_not_cached() -> None:
    replies = iter([Reply(503, b""), Reply(200, to_json(_ANSWER))])
    with http_server(lambda _: next(replies)) as url:
        endpoints = ApiEndpoints(url, transport="rest")
        with pytest.raises(ServiceError, match="HTTP 503"):
            endpoints.address("iam")
        assert endpoints.address("iam") == "iam.example:443"


def _refuse(_: threading.Thread) -> None:
    message = "can't start new thread"
    raise RuntimeError(message)


async def test_want_of_a_thread_is_told_and_costs_no_later_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with http_server(always(Reply(200, to_json(_ANSWER)))) as url:
        endpoints = ApiEndpoints(url, transport="rest")
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", _refuse)
            with pytest.raises(MachineError, match="no thread left for this process"):
                endpoints.address("iam")
            with pytest.raises(MachineError, match="no thread left for this process"):
                await endpoints.address_async("iam")
        assert endpoints.address("iam") == "iam.example:443"


async def test_what_is_known_stands_while_no_thread_is_left_to_ask_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead_s, monotonic = [0.0], time.monotonic
    monkeypatch.setattr(discovery, "time", SimpleNamespace(monotonic=lambda: monotonic() + ahead_s[0]))
    with http_server(always(Reply(200, to_json(_ANSWER)))) as url:
        endpoints = ApiEndpoints(url, transport="rest")
        assert endpoints.address("iam") == "iam.example:443"
        ahead_s[0] += 3600
        monkeypatch.setattr(threading.Thread, "start", _refuse)
        assert endpoints.address("iam") == "iam.example:443"
        assert await endpoints.address_async("ai-vision") == "vision.example:443"


def test_what_is_known_stands_while_it_is_asked_for_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead_s = [0.0]
    monotonic = time.monotonic
    monkeypatch.setattr(discovery, "time", SimpleNamespace(monotonic=lambda: monotonic() + ahead_s[0]))
    asked = threading.Semaphore(0)
    moved = to_json(ListApiEndpointsResponse(endpoints=[ApiEndpoint(id="iam", address="moved.example:443")]))
    replies = iter([Reply(200, to_json(_ANSWER)), Reply(503, b""), Reply(200, moved)])

    def answer(_: Request) -> Reply:
        asked.release()
        return next(replies)

    def address_once_asked() -> str:
        """Return the address after the question that the last one made was answered."""
        assert asked.acquire(timeout=20)
        for thread in threading.enumerate():
            if thread.name == "vision-grpc-endpoints":
                thread.join(20)
        return endpoints.address("iam", timeout_s=0)

    with http_server(answer) as url:
        endpoints = ApiEndpoints(url, transport="rest")
        assert endpoints.address("iam") == "iam.example:443"
        assert address_once_asked() == "iam.example:443"
        ahead_s[0] += 3600
        assert endpoints.address("iam", timeout_s=0) == "iam.example:443"
        assert address_once_asked() == "iam.example:443"  # The endpoint service is down.
        assert not asked.acquire(blocking=False)
        ahead_s[0] += 60
        assert endpoints.address("iam", timeout_s=0) == "iam.example:443"
        assert address_once_asked() == "moved.example:443"


def test_a_service_that_hangs_or_is_gone_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(TransportError, match=r"no answer from 127\.0\.0\.1:\d+ within 0\.3 s"):
            ApiEndpoints(target, insecure=True).address("iam", timeout_s=0.3)
    with held_port() as port, pytest.raises(PathError, match="was not reached"):
        ApiEndpoints(f"127.0.0.1:{port}", insecure=True, transport="rest").address("iam", timeout_s=20)
