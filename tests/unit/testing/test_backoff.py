"""Retries that do not wait."""

import pytest
from images_in_bytes import png
from scripted_service import answer

from vision_grpc import Event, RetryPolicy, VisionClient
from vision_grpc.errors import Code, DeadlineError, PathError, ServiceError, TransportError, VisionError
from vision_grpc.events import RetryScheduled
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.session.retry_waits import RETRY_WAITS
from vision_grpc.testing import MemoryTransport, without_backoff

_ASKS_FOR_AN_HOUR = ServiceError(Code.RESOURCE_EXHAUSTED, "quota", retry_after_s=3_600)


@pytest.mark.parametrize(
    "error",
    [
        ServiceError(Code.UNAVAILABLE, "busy"),
        _ASKS_FOR_AN_HOUR,
        TransportError("broken"),
        PathError("away"),
        DeadlineError("late"),
    ],
    ids=["busy", "asks for a wait", "broken", "away", "late"],
)
def test_no_retry_waits(error: VisionError) -> None:
    events: list[Event] = []
    left = [error] * 3

    def handler(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        if left:
            raise left.pop()
        return answer(request)

    transport = MemoryTransport(handler)
    with without_backoff(), VisionClient(transport=transport, on_event=events.append) as client:
        assert client.analyze(png(7)).raise_for_error().text == "7"
    waits = [event.wait_s for event in events if isinstance(event, RetryScheduled)]
    assert waits == [0.0] * 3


def test_a_service_that_stays_away_is_given_up_at_once() -> None:
    """Else the attempts that did not reach it would be free, without a wait between them, for minutes."""
    requests = 0

    def handler(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        nonlocal requests
        requests += 1
        if requests == 1:
            return answer(request)
        message = "away"
        raise PathError(message)

    transport, retry = MemoryTransport(handler), RetryPolicy(attempts=4)
    with without_backoff(), VisionClient(transport=transport, retry=retry) as client:
        assert client.analyze(png(1)).ok
        [result] = client.analyze_many([png(2)])
    assert (result.ok, result.attempts, requests) == (False, 4, 5)


def test_clients_wait_again_afterwards() -> None:
    transport = MemoryTransport(answer)
    with without_backoff():
        pass
    events: list[Event] = []
    left: list[VisionError] = [TransportError("broken")]

    def handler(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        if left:
            raise left.pop()
        return answer(request)

    retry = RetryPolicy(initial_backoff_s=0.001, max_backoff_s=0.001)
    transport = MemoryTransport(handler)
    with VisionClient(transport=transport, retry=retry, on_event=events.append) as client:
        assert client.analyze(png(1)).ok
    [scheduled] = [event for event in events if isinstance(event, RetryScheduled)]
    assert 0 < scheduled.wait_s <= 0.001  # Evenly from 0 on.


def test_overlapping_blocks_end_each_for_itself() -> None:
    first, second = without_backoff(), without_backoff()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not RETRY_WAITS.are_on
    second.__exit__(None, None, None)
    assert RETRY_WAITS.are_on
