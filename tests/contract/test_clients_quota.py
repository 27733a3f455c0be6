"""A quota that is shared with other clients: each request leaves with a permit of it."""

import threading
from collections.abc import Iterator
from itertools import count

import pytest
from drivers import Connect, Way
from images_in_bytes import png
from scripted_quota import ScriptedQuota
from scripted_service import Reply, answer, numbers_of

from vision_grpc import DeadlineError, Limits, Stop, TransportError
from vision_grpc.errors import Code, ServiceError
from vision_grpc.messages import BatchAnalyzeRequest
from vision_grpc.quota import Grant
from vision_grpc.sources.image import Image

pytestmark = pytest.mark.usefixtures("patient_sources", "lasting_permits")


def _images(number: int | None = None) -> Iterator[Image]:
    return (Image(str(each), png(each)) for each in (count() if number is None else range(number)))


def test_no_request_leaves_without_a_permit(connect: Connect, way: Way) -> None:
    stop = Stop()
    quota = ScriptedQuota(3, on_empty=stop.ask)
    client, service = connect(quota=quota)
    results = client.collect(_images(), stop=stop)
    assert len(service.requests) == 3
    assert sorted(result.text for result in results) == sorted(map(str, range(3 * way.most_images)))
    assert {asked.images for asked in quota.asked} == {way.most_images}
    assert quota.is_closed


def test_requests_are_as_small_as_the_quota_wants_them(connect: Connect, way: Way) -> None:
    quota = ScriptedQuota(1_000, most_images=3)
    client, service = connect(quota=quota)
    results = client.collect(_images(40))
    assert all(result.ok for result in results)
    assert len(results) == 40
    assert max(len(numbers_of(request)) for request in service.requests) == min(3, way.most_images)
    assert quota.asked[-1].images <= 3


def test_each_attempt_needs_a_permit(connect: Connect) -> None:
    failures = iter([True, False, True])

    def script(request: BatchAnalyzeRequest) -> Reply:
        return ServiceError(Code.INTERNAL, "broken") if next(failures, False) else answer(request)

    quota = ScriptedQuota(1_000)
    client, service = connect(script, quota=quota, limits=Limits(calls_in_flight=1))
    assert all(result.ok for result in client.collect(_images(40)))
    assert quota.granted == len(service.requests)


def test_a_stated_quota_holds_too(connect: Connect) -> None:
    quota = ScriptedQuota(1_000)
    client, service = connect(quota=quota, limits=Limits(images_per_s=2_000))
    assert all(result.ok for result in client.collect(_images(24)))
    assert quota.granted == len(service.requests)


def test_a_deadline_says_what_was_waited_for(connect: Connect) -> None:
    first, _ = connect()
    first.analyze(png(0))  # Whatever a first call loads is not to use up the time of the next.
    client, service = connect(quota=ScriptedQuota())
    with pytest.raises(DeadlineError, match=r"it has waited [0-9.]+ s for a permit of the quota"):
        client.analyze(png(0), timeout=0.2)
    assert service.requests == []
    assert client.stats.images_failed == 1


def test_waits_are_counted(connect: Connect) -> None:
    quota = ScriptedQuota(on_empty=lambda: threading.Timer(0.1, quota.hand_out, [1]).start())
    client, _ = connect(quota=quota)
    assert client.analyze(png(0)).ok
    assert client.stats.throttle_wait_s > 0.05
    assert client.stats.shared_requests_per_s == 20.0


class _Failing(ScriptedQuota):
    """Raises in place of waiting."""

    def reserve(self, requests: int, images: int) -> Grant:
        if self.granted == 2:
            message = "out of order"
            raise LookupError(message)
        return super().reserve(requests, images)


def test_an_error_of_the_quota_ends_the_stream_after_what_was_sent(connect: Connect, way: Way) -> None:
    texts: list[str] = []
    client, service = connect(quota=_Failing(2))
    with pytest.raises(TransportError, match=r"^the quota gives no permit: LookupError: out of order") as caught:
        client.collect(_images(60), on_result=lambda result: texts.append(result.text))
    sent = [number for request in service.requests for number in numbers_of(request)]
    assert sorted(map(int, texts)) == sorted(sent) == list(range(2 * way.most_images))
    assert isinstance(caught.value.__cause__, LookupError)
    [note] = caught.value.__notes__
    assert note.startswith(f"without a result: {2 * way.most_images}")


def test_a_closed_stream_leaves_nothing_behind(connect: Connect) -> None:
    quota = ScriptedQuota(1)
    client, service = connect(quota=quota)
    assert len(client.take(_images(), 1)) == 1
    assert len(service.requests) == 1
    assert quota.is_closed


def test_the_quota_is_not_asked_before_it_is_needed(connect: Connect) -> None:
    quota = ScriptedQuota()
    client, _ = connect(quota=quota)
    assert client.collect([]) == []
    assert quota.asked == []
