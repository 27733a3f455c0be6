"""A stream that is asked to stop: what is in flight is finished, and nothing more is sent."""

import threading
from collections.abc import Iterator
from itertools import count

import pytest
from drivers import Connect, Way
from images_in_bytes import png
from scripted_service import Reply, answer, numbers_of, serve_grpc

from vision_grpc import Limits
from vision_grpc.errors import Code, ServiceError
from vision_grpc.events import Event, RetryScheduled
from vision_grpc.messages import BatchAnalyzeRequest
from vision_grpc.session.stop import Stop
from vision_grpc.sources.image import Image

pytestmark = pytest.mark.usefixtures("patient_sources")


def endless() -> Iterator[Image]:
    return (Image(str(number), png(number)) for number in count())


@pytest.mark.parametrize("ordered", [False, True])
def test_what_is_in_flight_is_finished(connect: Connect, *, ordered: bool) -> None:
    stop = Stop()
    requests = count(1)

    def script(request: BatchAnalyzeRequest) -> Reply:
        if next(requests) == 3:
            stop.ask()
        return answer(request)

    client, service = connect(script, limits=Limits(calls_in_flight=3))
    results = client.collect(endless(), stop=stop, ordered=ordered)
    sent = [number for request in service.requests for number in numbers_of(request)]
    assert len(service.requests) <= 3 + 3
    assert sorted(result.text for result in results) == sorted(map(str, sent))
    assert not ordered or [result.key for result in results] == sorted(map(str, sent), key=int)


def test_what_fails_is_not_sent_again(connect: Connect) -> None:
    stop = Stop()

    def script(_: BatchAnalyzeRequest) -> Reply:
        stop.ask()
        return ServiceError(Code.INTERNAL, "broken")

    client, service = connect(script, limits=Limits(calls_in_flight=1))
    results = client.collect(endless(), stop=stop)
    assert len(service.requests) == 1
    # Where the failure was known first, the images wait for another attempt and end without a result.
    assert all(result.attempts == 1 and result.error is not None and result.error.retryable for result in results)


def test_who_has_asked_before_gets_nothing(connect: Connect) -> None:
    stop = Stop()
    stop.ask()
    client, service = connect()
    assert client.collect(endless(), stop=stop) == []
    assert service.requests == []


@pytest.mark.parametrize("driver", ["sync", "asyncio"])
def test_a_wait_for_another_attempt_ends(driver: str) -> None:
    stop, waits = Stop(), threading.Event()

    def look(event: Event) -> None:
        if isinstance(event, RetryScheduled):
            waits.set()

    def ask() -> None:
        waits.wait(30)
        stop.ask()

    asking = threading.Thread(target=ask)
    # The wait is longer than any test may take.
    with serve_grpc(lambda _: ServiceError(Code.UNAVAILABLE, "busy", retry_after_s=500)) as service:
        client = Way("grpc", driver).client(service, on_event=look)
        asking.start()
        assert client.collect([png(0)], stop=stop) == []
        asking.join()
    assert len(service.requests) == 1
