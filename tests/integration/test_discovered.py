"""Clients that ask an endpoint service where Vision is, at their first call."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Literal, NoReturn
from unittest.mock import Mock

import pytest
from auth_peers import Reply, Request, always, http_server
from drivers import AsyncDriver, SyncDriver
from images_in_bytes import png
from scripted_service import Service, answer, serve_grpc, serve_rest

from vision_grpc import (
    ApiEndpoints,
    AsyncVisionClient,
    DeadlineError,
    PathError,
    RetryPolicy,
    TransportError,
    VisionClient,
)
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.auth import Anonymous, IamToken, YcProfile
from vision_grpc.cloud import discovery
from vision_grpc.codec.json import to_json
from vision_grpc.errors import MachineError
from vision_grpc.local import Identities, LocalVision
from vision_grpc.messages import ApiEndpoint, ListApiEndpointsResponse
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.transport import Call
from vision_grpc.transport.discovered import DiscoveringTransport, Lookup

Way = Literal["grpc", "rest"]
_REQUEST = VISION_V1.template(("*",), "", "").message([png(1)])


def _told(*endpoints: tuple[str, str]) -> Reply:
    entries = [ApiEndpoint(id=name, address=address) for name, address in endpoints]
    return Reply(200, to_json(ListApiEndpointsResponse(endpoints=entries)))


@pytest.fixture(params=["grpc", "rest"])
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def service(way: Way) -> Iterator[Service]:
    with serve_grpc(answer) if way == "grpc" else serve_rest(answer) as service:
        yield service


@pytest.fixture(params=[SyncDriver, AsyncDriver])
def client(request: pytest.FixtureRequest, way: Way) -> Callable[..., SyncDriver | AsyncDriver]:
    """Makes a client that asks an endpoint service."""

    def make(url: str, **options: object) -> SyncDriver | AsyncDriver:
        known = {"transport": way, "credentials": Anonymous(), "insecure": True, "retry": RetryPolicy(attempts=2)}
        return request.param({"endpoint": ApiEndpoints(url, transport="rest"), **known, **options})  # type: ignore[no-any-return]

    return make


def test_the_service_is_asked_for_once(service: Service, client: Callable[..., SyncDriver | AsyncDriver]) -> None:
    asked: list[Request] = []

    def tell(request: Request) -> Reply:
        asked.append(request)
        return _told(("ai-vision", service.address.removeprefix("http://")))

    with http_server(tell) as url:
        driver = client(url)
        assert sorted(result.text for result in driver.collect([png(n) for n in range(100)])) == sorted(
            map(str, range(100))
        )
        assert driver.analyze(png(7)).text == "7"
        assert len(driver.batch_analyze(_REQUEST).results) == 1
    assert len(asked) == 1


def test_a_service_that_moves_is_found_again(
    way: Way, service: Service, client: Callable[..., SyncDriver | AsyncDriver], monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead_s, monotonic = [0.0], time.monotonic
    monkeypatch.setattr(discovery, "time", SimpleNamespace(monotonic=lambda: monotonic() + ahead_s[0]))
    with serve_grpc(answer) if way == "grpc" else serve_rest(answer) as moved:
        places = iter([service, moved])

        def tell(_: Request) -> Reply:
            return _told(("ai-vision", next(places).address.removeprefix("http://")))

        with http_server(tell) as url:
            driver = client(url)
            assert [driver.analyze(png(n)).text for n in range(2)] == ["0", "1"]
            ahead_s[0] = 3600
            assert driver.analyze(png(2)).text == "2"  # Nobody waits for the question that this begins.
            for thread in threading.enumerate():
                if thread.name == "vision-grpc-endpoints":
                    thread.join(20)
            assert driver.analyze(png(3)).text == "3"
            assert len(driver.batch_analyze(_REQUEST).results) == 1
    assert (len(service.requests), len(moved.requests)) == (3, 2)


def test_a_failure_is_the_calls_own_and_sent_again(
    service: Service, client: Callable[..., SyncDriver | AsyncDriver]
) -> None:
    replies = iter([Reply(503, b""), _told(("ai-vision", service.address.removeprefix("http://")))])
    with http_server(lambda _: next(replies)) as url:
        result = client(url).analyze(png(7))
    assert (result.text, result.attempts) == ("7", 2)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (_told(("iam", "iam.example:443")), "NOT_FOUND: .* knows no service 'ai-vision', but iam"),
        (_told(("ai-vision", "no address")), "says that ai-vision is where nothing can be"),
        (Reply(200, b"<html>"), "but not with a ListApiEndpointsResponse"),
        (Reply(403, b'{"code": 7, "message": "not you"}'), "PERMISSION_DENIED: not you"),
    ],
)
def test_an_endpoint_service_that_does_not_tell_is_named(
    client: Callable[..., SyncDriver | AsyncDriver], reply: Reply, reason: str
) -> None:
    with http_server(always(reply)) as url:
        driver = client(url)
        words = f"the endpoint service at {url.removeprefix('http://')} did not say where Vision is: .*{reason}"
        with pytest.raises(PathError, match=words) as caught:
            driver.batch_analyze(_REQUEST)
        assert caught.value.lasting
        results = driver.collect([png(1), png(2)])
    assert [(result.attempts, result.error and result.error.retryable) for result in results] == [(1, False)] * 2


@pytest.mark.parametrize("begin", ["start", "send"])
def test_what_the_machine_lacks_is_not_blamed_on_the_endpoint_service(begin: str) -> None:
    lack = MachineError("this machine has no thread left for this process")
    directory, done = Mock(address=Mock(side_effect=lack), endpoint=_SlowDirectory.endpoint), threading.Event()
    call = _begin(DiscoveringTransport(Lookup(directory, insecure=False, service_id="ai-vision"), Mock()), begin, done)
    assert done.wait(20)
    with pytest.raises(MachineError, match=r"^this machine has no thread left for this process$"):
        call.answer()


def test_one_that_hangs_ends_within_the_calls_deadline(client: Callable[..., SyncDriver | AsyncDriver]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(DeadlineError, match=r"did not say where Vision is: no answer from 127.* within 0\.\d+ s"):
            client(url).batch_analyze(_REQUEST, timeout=0.3)
        with pytest.raises(DeadlineError):
            client(url).analyze(png(1), timeout=0.3)
        # That a question under way does not keep the program is part of it.
        assert time.monotonic() - began < 20


async def test_the_event_loop_goes_on_meanwhile_and_closing_ends_the_wait() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        endpoints = ApiEndpoints(f"http://127.0.0.1:{mute.getsockname()[1]}", transport="rest")
        client = AsyncVisionClient(endpoints, credentials=Anonymous(), transport="rest")
        waiting = asyncio.create_task(client.analyze(png(1)))
        question, _ = await asyncio.to_thread(mute.accept)
        with question:
            assert not waiting.done()
            await client.aclose()
            with pytest.raises((TransportError, RuntimeError), match=r"the client (was|is) closed"):
                await waiting


def test_callers_in_threads_and_loops_share_one_question() -> None:
    asked: list[Request] = []

    def tell(request: Request) -> Reply:
        asked.append(request)
        return _told(("iam", "iam.example:443"))

    async def ask(endpoints: ApiEndpoints) -> set[str]:
        here = asyncio.gather(*(endpoints.address_async("iam") for _ in range(100)))
        there = asyncio.gather(*(asyncio.to_thread(endpoints.address, "iam") for _ in range(20)))
        return {*await here, *await there}

    with http_server(tell) as url:
        endpoints = ApiEndpoints(url, transport="rest")
        assert asyncio.run(ask(endpoints)) == {"iam.example:443"}
    assert len(asked) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_asks_for_itself_while_the_parent_waits() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def hang_once(_: Request) -> Reply:
        if not asked.is_set():
            asked.set()
            go_on.wait(20)
        return _told(("iam", "iam.example:443"))

    with http_server(hang_once) as url, ThreadPoolExecutor(1) as threads:
        endpoints = ApiEndpoints(url, transport="rest")
        parent = threads.submit(endpoints.address, "iam")
        assert asked.wait(20)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if endpoints.address("iam", timeout_s=9) == "iam.example:443" else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        go_on.set()
        assert parent.result(20) == "iam.example:443"


def test_a_secret_does_not_follow_to_another_machine_in_plaintext(client: Callable[..., SyncDriver]) -> None:
    with http_server(always(_told(("ai-vision", "10.0.0.1:80")))) as url:
        with pytest.raises(ValueError, match=r"refusing to send credentials to 10\.0\.0\.1:80 in plaintext"):
            client(url, credentials=IamToken("t1.token")).batch_analyze(_REQUEST)
        with pytest.raises(ValueError, match=r"refusing to send credentials to 10\.0\.0\.1:80 in plaintext"):
            client(url, credentials=IamToken("t1.token")).collect([png(1)])


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_the_local_service_tells_where_it_is_and_a_profile_leads_there(tmp_path: Path, transport: Way) -> None:
    identities = Identities()
    with LocalVision(identities=identities) as vision:
        address = vision.grpc_endpoint if transport == "grpc" else vision.rest_endpoint.removeprefix("http://")
        config = tmp_path / "config.yaml"
        fields = f"token: {identities.oauth_token}\n    endpoint: {address}\n"
        config.write_text(f"current: a\nprofiles:\n  a:\n    {fields}", encoding="utf-8")
        profile = YcProfile(path=config, insecure=True)
        assert profile.endpoint == address
        endpoints = ApiEndpoints(profile.endpoint, insecure=True)
        with VisionClient(endpoints, credentials=profile, insecure=True, folder_id="b1g") as client:
            assert not client.analyze(png(1), timeout=20).ok  # It was let in: there is no image to read.
    assert identities.exchanges == 1


class _SlowDirectory:
    """Knows where the service is once it is told."""

    endpoint = Endpoint("directory.example", 443, plaintext=False)

    def __init__(self) -> None:
        self.asked, self.knows = threading.Event(), threading.Event()

    def address(self, _: str, *, timeout_s: float) -> str:
        self.asked.set()
        assert self.knows.wait(timeout_s)
        return "vision.example:443"


@pytest.mark.parametrize("begin", ["start", "send"])
def test_nothing_is_opened_for_a_service_that_is_found_after_the_end(begin: str) -> None:
    directory, opened, done = _SlowDirectory(), list[Endpoint](), threading.Event()

    def open_at(endpoint: Endpoint) -> NoReturn:
        opened.append(endpoint)
        raise AssertionError

    transport = DiscoveringTransport(Lookup(directory, insecure=False, service_id="ai-vision"), open_at)
    call = _begin(transport, begin, done)
    directory.asked.wait()
    transport.close()
    directory.knows.set()
    assert done.wait(20)
    with pytest.raises(TransportError, match=r"no call to directory\.example:443 was started: the client was closed"):
        call.answer()
    assert opened == []


@pytest.mark.parametrize("begin", ["start", "send"])
def test_no_call_starts_when_a_signal_handler_closes_as_the_connection_is_opened(begin: str) -> None:
    def open_at(_: Endpoint) -> Mock:
        transport.close()
        return opened

    opened, done = Mock(), threading.Event()
    directory = Mock(address=lambda *_, **__: "vision.example:443", endpoint=_SlowDirectory.endpoint)
    transport = DiscoveringTransport(Lookup(directory, insecure=False, service_id="ai-vision"), open_at)
    call = _begin(transport, begin, done)
    assert done.wait(20)
    with pytest.raises(TransportError, match="the client was closed"):
        call.answer()
    opened.start.assert_not_called()
    opened.send.assert_not_called()


@pytest.mark.parametrize("begin", ["start", "send"])
def test_a_call_that_is_given_up_before_the_service_is_found_is_over(begin: str) -> None:
    directory, opened, done = _SlowDirectory(), Mock(), threading.Event()
    transport = DiscoveringTransport(Lookup(directory, insecure=False, service_id="ai-vision"), lambda _: opened)
    call = _begin(transport, begin, done)
    call.cancel()
    assert done.wait(20)
    with pytest.raises(TransportError, match="given up before it started"):
        call.answer()
    directory.knows.set()
    transport.close()
    opened.start.assert_not_called()


def _begin(transport: DiscoveringTransport, begin: str, done: threading.Event) -> Call[object]:
    deadline = Deadline.after(20)
    if begin == "send":
        return transport.send(_REQUEST, None, deadline, done.set)
    return transport.start([png(1)], VISION_V1.template(("*",), "", ""), None, deadline, done.set)


@pytest.mark.parametrize("begin", ["start", "send"])
async def test_a_connection_that_cannot_be_opened_ends_the_call(begin: str) -> None:
    def open_at(_: Endpoint) -> NoReturn:
        message = "no such file"
        raise OSError(message)

    lookup = Lookup(
        Mock(address=lambda *_, **__: "vision.example:443", endpoint=_SlowDirectory.endpoint),
        insecure=False,
        service_id="ai-vision",
    )
    for loop in (None, asyncio.get_running_loop()):
        done = threading.Event()
        call = _begin(DiscoveringTransport(lookup, open_at, loop=loop), begin, done)
        assert await asyncio.to_thread(done.wait, 20)
        with pytest.raises(OSError, match="no such file"):
            call.answer()


@pytest.mark.parametrize("begin", ["start", "send"])
def test_a_closed_transport_finds_nothing(begin: str) -> None:
    directory, done = _SlowDirectory(), threading.Event()
    transport = DiscoveringTransport(Lookup(directory, insecure=False, service_id="ai-vision"), Mock())
    transport.close()
    call = _begin(transport, begin, done)
    assert done.is_set()
    with pytest.raises(TransportError, match="the client was closed"):
        call.answer()
    assert not directory.asked.is_set()
