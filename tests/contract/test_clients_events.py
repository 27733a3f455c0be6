"""What every client tells of its work, over every transport: events, statistics, logs."""

import logging
import re
from collections.abc import Iterator
from typing import TypeVar

import pytest
from drivers import Connect, Way
from images_in_bytes import png
from scripted_service import Reply, Script, answer, numbers_of

from vision_grpc.auth import ApiKey
from vision_grpc.errors import AuthError, Code, ServiceError
from vision_grpc.events import CallEnded, CallStarted, Event, ImageFailure, ImagesFinished, RetryScheduled
from vision_grpc.local.faults.kinds.lines import Close
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, Status

pytestmark = pytest.mark.usefixtures("patient_sources")
_EventT = TypeVar("_EventT", bound=Event)
_KEY = "AQVN" + "k" * 36


def _of(kind: type[_EventT], events: list[Event]) -> list[_EventT]:
    return [event for event in events if isinstance(event, kind)]


def _busy_at_first(first: Reply) -> Script:
    """A service that makes nothing of image 0 when it first comes, and finds that 9 is none."""
    replies = iter([first])

    def script(request: BatchAnalyzeRequest) -> Reply:
        if 0 in numbers_of(request) and (reply := next(replies, None)) is not None:
            return reply
        response = answer(request)
        for position, number in enumerate(numbers_of(request)):
            if number == 9:
                response.results[position].CopyFrom(AnalyzeResult(error=Status(code=Code.INVALID_ARGUMENT)))
        return response

    return script


def test_events_and_statistics_tell_the_same_of_a_stream(connect: Connect, way: Way) -> None:
    events: list[Event] = []
    busy = ServiceError(Code.UNAVAILABLE, "busy")
    client, _ = connect(_busy_at_first(busy), on_event=events.append)
    images = [png(number) for number in range(20)]
    results = client.collect(images)
    started, ended = _of(CallStarted, events), _of(CallEnded, events)
    stats = client.stats

    batches = way.batches(range(20))
    first = batches[0]
    calls = len(batches) + 1
    failures = 1 if way.has_batches else 2

    assert [call.call_id for call in started] == [*range(1, calls + 1)]
    assert sorted(call.call_id for call in ended) == [*range(1, calls + 1)]
    attempts = [*((1, len(batch)) for batch in batches), (2, len(first))]
    assert sorted((call.attempt, call.images) for call in started) == sorted(attempts)
    for end in ended:
        [start] = [start for start in started if start.call_id == end.call_id]
        assert events.index(start) < events.index(end)
        assert (end.images, end.keys, end.attempt) == (start.images, start.keys, start.attempt)
        assert len(start.keys) == start.images
        assert end.latency_s >= 0
    failed = [end for end in ended if end.code is not Code.OK]
    assert len(failed) == failures
    assert [(end.code, end.message) for end in failed if end.code is not Code.INVALID_ARGUMENT] == [
        (Code.UNAVAILABLE, "busy")
    ]
    assert {end.transport for end in ended} == {way.transport}
    answered = calls if way.is_real else calls - failures
    assert len({end.request_id for end in ended if end.request_id is not None}) == answered
    assert {end.request_id for end in ended if end.code is Code.OK} == {
        result.request_id for result in results if result.ok
    }
    [retry] = _of(RetryScheduled, events)
    assert (retry.images, retry.code) == (len(first), Code.UNAVAILABLE)
    assert retry.keys == tuple(f"#{number}" for number in first)
    assert 0 <= retry.wait_s <= 0.002
    finished = _of(ImagesFinished, events)
    assert sum(event.succeeded for event in finished) == sum(result.ok for result in results) == 19
    assert sum(event.failed for event in finished) == 1
    assert [key for event in finished for key in event.keys] == [result.key for result in results]
    [failure] = [failure for event in finished for failure in event.failures]
    assert (failure.key, failure.code, failure.attempts) == ("#9", Code.INVALID_ARGUMENT, 1)

    assert (stats.images_succeeded, stats.images_failed) == (19, 1)
    assert (stats.requests, stats.requests_failed, stats.retries) == (calls, failures, len(first))
    assert stats.content_bytes == sum(call.content_bytes for call in started)
    assert stats.content_bytes == sum(map(len, images)) + sum(map(len, images[: len(first)]))
    assert sum(stats.latency_counts) == calls
    assert (stats.calls_in_flight, stats.throttle_wait_s) == (0, 0.0)


def test_images_that_are_refused_here_make_no_call(connect: Connect) -> None:
    events: list[Event] = []
    client, _ = connect(on_event=events.append)
    results = client.collect([b"GIF89a"])
    failure = ImageFailure("#0", Code.INVALID_ARGUMENT, results[0].error.message if results[0].error else "", 0)
    assert events == [ImagesFinished(succeeded=0, failed=1, keys=("#0",), failures=(failure,))]
    assert (client.stats.images_failed, client.stats.requests) == (1, 0)


@pytest.mark.parametrize("case", ["well", "refused", "garbage", "disconnected"])
def test_nothing_is_in_flight_once_a_stream_is_over(connect: Connect, case: str) -> None:
    scripts: dict[str, Script] = {
        "well": answer,
        "refused": lambda _: ServiceError(Code.PERMISSION_DENIED, "no"),
        "garbage": lambda _: b"\xff",
        "disconnected": _busy_at_first(Close()),
    }
    client, _ = connect(scripts[case])
    client.collect(map(png, range(30)))
    assert client.stats.calls_in_flight == 0
    assert client.stats.images_succeeded + client.stats.images_failed == 30
    assert sum(client.stats.latency_counts) == client.stats.requests


def test_nothing_is_in_flight_once_a_stream_is_closed(connect: Connect) -> None:
    client, _ = connect()
    client.take(map(png, range(1_000)), 3)
    assert client.stats.calls_in_flight == 0
    assert client.stats.requests > 0


def test_nothing_is_in_flight_when_there_is_no_token(connect: Connect) -> None:
    client, _ = connect(credentials=_NoToken())
    with pytest.raises(AuthError):
        client.collect(map(png, range(30)))
    assert client.stats.calls_in_flight == 0


class _NoToken:
    is_service_account = False

    def authorization(self, *, refused: str | None = None, timeout_s: float = 1) -> str:  # noqa: ARG002 - takes no time
        message = "no token today"
        raise AuthError(message)

    async def authorization_async(self, *, refused: str | None = None, timeout_s: float = 1) -> str:
        return self.authorization(refused=refused, timeout_s=timeout_s)


def test_nothing_is_in_flight_when_the_source_raises(connect: Connect) -> None:
    def images() -> Iterator[bytes]:
        yield from map(png, range(20))
        message = "the disk is gone"
        raise OSError(message)

    client, _ = connect()
    with pytest.raises(OSError, match="the disk is gone"):
        client.collect(images())
    assert (client.stats.calls_in_flight, client.stats.images_succeeded) == (0, 20)


# Hooks that are no good


@pytest.mark.parametrize("kind", [CallStarted, CallEnded, RetryScheduled, ImagesFinished])
def test_a_hook_that_raises_harms_no_stream(
    connect: Connect, kind: type[Event], caplog: pytest.LogCaptureFixture
) -> None:
    raised: list[Event] = []

    def on_event(event: Event) -> None:
        if isinstance(event, kind):
            raised.append(event)
            message = "the disk of the hook is full"
            raise OSError(message)

    def script(request: BatchAnalyzeRequest) -> Reply:
        return ServiceError(Code.UNAVAILABLE, "busy") if next(busy, False) else answer(request)

    busy = iter([True, True])
    caplog.set_level(logging.DEBUG, "vision_grpc.events")
    client, _ = connect(script, on_event=on_event)
    # More than one window, so that each kind comes more than once.
    results = client.collect(map(png, range(100)))
    assert sorted(int(result.text) for result in results) == list(range(100))
    assert client.stats.calls_in_flight == 0
    records = [record for record in caplog.records if record.name == "vision_grpc.events"]
    assert len(records) == len(raised) >= 2
    assert [record.levelname for record in records] == ["WARNING"] + ["DEBUG"] * (len(raised) - 1)
    assert records[0].exc_info is not None
    assert "the disk of the hook is full" in str(records[0].exc_info[1])
    assert not any(record.exc_info for record in records[1:])
    assert f"{len(raised)} times" in records[-1].getMessage()


@pytest.mark.parametrize("kind", [CallStarted, CallEnded, RetryScheduled, ImagesFinished])
def test_an_interruption_in_a_hook_passes_through(connect: Connect, kind: type[Event]) -> None:
    def on_event(event: Event) -> None:
        if isinstance(event, kind):
            raise KeyboardInterrupt

    client, _ = connect(_busy_at_first(ServiceError(Code.UNAVAILABLE, "busy")), on_event=on_event)
    with pytest.raises(KeyboardInterrupt):
        client.collect(map(png, range(100)))
    assert client.stats.calls_in_flight == 0


# Logs


def test_the_log_has_request_ids_and_no_secrets(connect: Connect, way: Way, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    events: list[Event] = []
    script = _busy_at_first(ServiceError(Code.UNAVAILABLE, "busy"))
    client, service = connect(script, credentials=ApiKey(_KEY), on_event=events.append)
    results = client.collect([png(number) for number in range(20)])
    calls = [record.getMessage() for record in caplog.records if record.name == "vision_grpc.calls"]
    for request_id in {result.request_id for result in results if result.ok}:
        assert sum(message.endswith(f"OK, request id {request_id}") for message in calls) == 1
    assert sum("UNAVAILABLE: busy, request id" in message for message in calls) == 1
    assert any(re.match(f"{way.most_images} images? (is|are) sent again in", message) for message in calls)
    if way.is_real:
        assert service.authorizations == [f"Api-Key {_KEY}"] * (len(way.batches(range(20))) + 1)
    # Threads of servers and libraries log meanwhile; none of them may tell either.
    assert _KEY not in caplog.text
    assert _KEY not in repr(events)
    assert b"PNG" not in repr(events).encode()
