"""A client and the quota that it shares: what it makes of each answer, and of none."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from images_in_bytes import png
from scripted_quota import Asked, ScriptedQuota
from scripted_service import answer, numbers_of

from vision_grpc import AsyncVisionClient, Limits, TransportError, VisionClient
from vision_grpc.errors import Advice
from vision_grpc.events import Event, QuotaSwitched
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.quota import Grant
from vision_grpc.session import quota_feed
from vision_grpc.session.monitor import Monitor
from vision_grpc.testing import MemoryTransport

pytestmark = pytest.mark.usefixtures("lasting_permits")

_WAIT_S = 30


class _Answering:
    """A quota that says what a function returns."""

    def __init__(self, reply: Callable[[], Any]) -> None:
        self._reply = reply

    def reserve(self, requests: int, images: int) -> Any:  # noqa: ANN401 - anything at all
        del requests, images
        return self._reply()

    def close(self) -> None: ...


def _client(quota: Any, **options: Any) -> VisionClient:  # noqa: ANN401
    return VisionClient(transport=MemoryTransport(answer), quota=quota, **options)


async def _late() -> Grant:
    return Grant([0.0], 1.0)


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (lambda: None, "TypeError: what reserve() returned is None, must be a Grant of vision_grpc.quota"),
        (lambda: [0.0], "TypeError: what reserve() returned is [0.0], must be a Grant"),
        (lambda: ([0.0], 10.0, False), "TypeError: what reserve() returned is ([0.0], 10.0, False), must be a Grant"),
        (lambda: Grant, "TypeError: what reserve() returned is the class Grant, must be a Grant"),
        (_late, "TypeError: reserve() is asynchronous, must be a method that returns a Grant"),
        (lambda: Grant([], 10.0), "ValueError: Grant.waits_s is of 0 requests, must be of 1 to 1"),
        (lambda: Grant([0.0, 0.0], 10.0), "ValueError: Grant.waits_s is of 2 requests, must be of 1 to 1"),
        (lambda: Grant(0.0, 10.0), "TypeError: Grant.waits_s is 0.0, must be a sequence of seconds"),  # type: ignore[arg-type]
        (lambda: Grant("0", 10.0), "TypeError: a wait in Grant.waits_s is '0', must be a number"),  # type: ignore[arg-type]
        (lambda: Grant([-1.0], 10.0), "ValueError: a wait in Grant.waits_s is -1.0, must be a finite number"),
        (lambda: Grant([float("nan")], 10.0), "ValueError: a wait in Grant.waits_s is nan, must be a finite number"),
        (lambda: Grant([float("inf")], 10.0), "ValueError: a wait in Grant.waits_s is inf, must be a finite number"),
        (lambda: Grant([0.0], float("nan")), "ValueError: Grant.requests_per_s is NaN, must be a number"),
        (lambda: Grant([0.0], -1.0), "ValueError: Grant.requests_per_s is -1.0, must be at least 0"),
        (lambda: Grant([0.0], None), "TypeError: Grant.requests_per_s is None, must be a number"),  # type: ignore[arg-type]
        (lambda: 1 // 0, "ZeroDivisionError: integer division or modulo by zero"),
    ],
)
def test_what_a_quota_may_not_say(reply: Callable[[], object], problem: str) -> None:
    with _client(_Answering(reply)) as client, pytest.raises(TransportError) as caught:
        client.analyze(png(0))
    assert str(caught.value).startswith(f"the quota gives no permit: {problem}")
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(("far", "most"), [(10.0, 1), (0.25, 3)])
def test_only_a_quota_that_is_far_is_asked_for_several_permits_at_once(
    far: float, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that comes late by itself, as its calls take long, lets no permit go."""
    monkeypatch.setattr(quota_feed, "_FAR", far)
    asked: list[int] = []

    class Counting(_Answering):
        def reserve(self, requests: int, images: int) -> Grant:
            del images
            asked.append(requests)
            time.sleep(0.03)
            return Grant([0.0] * requests, 10.0)

    with _client(Counting(lambda: None), limits=Limits(calls_in_flight=1)) as client:
        assert all(result.ok for result in client.analyze_many(map(png, range(48))))
    assert max(asked) == most


@pytest.mark.parametrize("per_s", [0, 0.1, 10, 1e9, float("inf")])
def test_a_share_may_be_anything(per_s: float) -> None:
    with _client(_Answering(lambda: Grant((0,), per_s))) as client:
        assert all(result.ok for result in client.analyze_many(map(png, range(20))))
        assert client.stats().shared_requests_per_s == per_s


def test_the_advice_of_an_error_is_kept() -> None:
    def refuse() -> Grant:
        message = "it speaks no such protocol"
        raise TransportError(message, advice=[Advice("look at the port")])

    with _client(_Answering(refuse)) as client, pytest.raises(TransportError) as caught:
        client.analyze(png(0))
    assert str(caught.value) == "the quota gives no permit: it speaks no such protocol; look at the port"


def test_a_quota_that_failed_once_is_asked_again() -> None:
    replies = iter([None, Grant([0.0], 10.0)])
    with _client(_Answering(lambda: next(replies))) as client:
        with pytest.raises(TransportError):
            client.analyze(png(0))
        assert client.analyze(png(0)).ok


def test_to_go_on_alone_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vision_grpc.calls")
    grants = iter([Grant([0.0], per_s, is_alone) for per_s, is_alone in [(5, False), (1, True), (1, True), (4, False)]])
    events: list[Event] = []
    states: list[bool] = []
    with _client(_Answering(lambda: next(grants)), on_event=events.append) as client:
        for _ in range(4):
            client.analyze(png(0))
            states.append(client.stats().is_quota_alone)
    switches = [event for event in events if isinstance(event, QuotaSwitched)]
    assert switches == [QuotaSwitched(is_alone=True, requests_per_s=1), QuotaSwitched(is_alone=False, requests_per_s=4)]
    assert states == [False, True, True, False]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "the quota's service is away: this client sends 1 requests/s"),
        ("INFO", "the quota's service is back: this client's share is 4 requests/s"),
    ]


@pytest.mark.parametrize("kind", ["sync", "asyncio"])
def test_a_client_that_is_closed_is_not_alone_any_more(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vision_grpc.calls")
    events: list[Event] = []
    options: dict[str, Any] = {
        "transport": MemoryTransport(answer),
        "quota": _Answering(lambda: Grant([0.0], 2.0, is_alone=True)),
        "on_event": events.append,
    }

    async def main() -> AsyncVisionClient:
        async with AsyncVisionClient(**options) as client:
            assert (await client.analyze(png(0))).ok
            assert client.stats().is_quota_alone
        await client.aclose()
        return client

    client: VisionClient | AsyncVisionClient
    if kind == "asyncio":
        client = asyncio.run(main())
    else:
        with VisionClient(**options) as client:
            assert client.analyze(png(0)).ok
            assert client.stats().is_quota_alone
        client.close()
    assert not client.stats().is_quota_alone
    switches = [event for event in events if isinstance(event, QuotaSwitched)]
    assert switches == [QuotaSwitched(is_alone=True, requests_per_s=2), QuotaSwitched(is_alone=False, requests_per_s=2)]
    assert [record.levelname for record in caplog.records] == ["WARNING"], "the service is not back"


def test_a_grant_that_comes_as_the_client_is_closed_is_no_news() -> None:
    events: list[Event] = []
    monitor = Monitor(events.append)
    monitor.quota_left()
    monitor.quota_granted(2.0, is_alone=True)
    assert events == []
    assert not monitor.stats().is_quota_alone


def test_the_thread_ends_when_nothing_is_wanted_and_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota_feed, "_IDLE_S", 0.01)
    threads: list[threading.Thread] = []

    def reply() -> Grant:
        threads.append(threading.current_thread())
        return Grant([0.0], 10.0)

    with _client(_Answering(reply)) as client:
        for _ in range(2):
            assert client.analyze(png(0)).ok
            threads[-1].join(_WAIT_S)
            assert not threads[-1].is_alive()
    assert threads[0] is not threads[1]


def test_closing_a_client_ends_what_waits() -> None:
    def close() -> None:
        client.close()

    quota = ScriptedQuota(on_empty=close)
    client = _client(quota)
    for _ in range(2):
        with pytest.raises((TransportError, RuntimeError), match="the client is closed"):
            client.analyze(png(0))


def test_closing_a_client_in_an_event_loop_ends_what_waits() -> None:
    async def main() -> None:
        waits = asyncio.Event()
        loop = asyncio.get_running_loop()
        quota = ScriptedQuota(on_empty=lambda: loop.call_soon_threadsafe(waits.set))
        client = AsyncVisionClient(transport=MemoryTransport(answer), quota=quota)
        stream = asyncio.ensure_future(client.analyze(png(0)))
        await waits.wait()
        await client.aclose()
        with pytest.raises(TransportError, match="the call was not started: the client is closed"):
            await stream
        assert quota.is_closed

    asyncio.run(main())


def test_a_task_that_waits_can_be_cancelled() -> None:
    async def main() -> None:
        waits = asyncio.Event()
        loop = asyncio.get_running_loop()
        quota = ScriptedQuota(wait_s=0.5, on_empty=lambda: loop.call_soon_threadsafe(waits.set))
        async with AsyncVisionClient(transport=MemoryTransport(answer), quota=quota) as client:
            stream = asyncio.ensure_future(client.analyze(png(0)))
            await waits.wait()
            stream.cancel()
            with pytest.raises(asyncio.CancelledError):
                await stream
            # The question that is under way serves the next stream.
            other = asyncio.ensure_future(client.analyze(png(1)))
            await asyncio.sleep(0)
            quota.hand_out(1)
            assert (await other).ok
            assert quota.asked == [Asked(1, 1)]

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["sync", "asyncio"])
def test_two_streams_of_a_client_take_turns(kind: str) -> None:
    order: list[int] = []
    begun = [threading.Event(), threading.Event()]

    def reply() -> Grant:
        assert all(event.wait(_WAIT_S) for event in begun)
        return Grant([0.02], 20.0)

    def images(stream: int) -> Iterator[bytes]:
        begun[stream].set()
        yield from (png(1_000 * stream + number) for number in range(80))

    def script(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        order.append(numbers_of(request)[0] // 1_000)
        return answer(request)

    options: dict[str, Any] = {
        "transport": MemoryTransport(script),
        "quota": _Answering(reply),
        "limits": Limits(calls_in_flight=1),
    }

    async def main() -> None:
        async def read(stream: int) -> None:
            assert all([result.ok async for result in client.analyze_many(images(stream))])

        async with AsyncVisionClient(**options) as client:
            await asyncio.gather(*map(read, range(2)))

    if kind == "asyncio":
        asyncio.run(main())
    else:
        with VisionClient(**options) as client, ThreadPoolExecutor() as threads:
            streams = [images(stream) for stream in range(2)]
            assert all(threads.map(lambda source: all(each.ok for each in client.analyze_many(source)), streams))
    # On a busy machine, a request may leave before it is full.
    assert min(order.count(0), order.count(1)) >= 10
    # One may begin before the other, and end before it.
    assert sum(before != after for before, after in pairwise(order)) >= 12
