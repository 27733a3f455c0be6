"""What every client makes of what goes wrong at the service, over every transport."""

from collections.abc import Callable
from itertools import cycle

import pytest
from drivers import Connect, Way
from images_in_bytes import number_in, png
from scripted_service import Reply, Script, Service, answer, numbers_of, read

from vision_grpc import RetryPolicy
from vision_grpc.errors import Code, ProtocolError, ServiceError
from vision_grpc.local.faults.kinds.lines import Close
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse, FeatureResult, Status
from vision_grpc.session.retry_waits import RETRY_WAITS

pytestmark = pytest.mark.usefixtures("patient_sources")


def _once(first: Callable[[BatchAnalyzeRequest], Reply]) -> Script:
    """A service that does something to the first request, and is well after that."""
    replies = iter([first])

    def script(request: BatchAnalyzeRequest) -> Reply:
        return next(replies, answer)(request)

    return script


def _texts(images: int, connect: Connect, script: Script) -> tuple[list[int], Service]:
    """Return the texts, which are numbers, of a stream that ends well."""
    client, service = connect(script)
    results = client.collect([png(number) for number in range(images)], ordered=True)
    assert [result.error for result in results] == [None] * images
    return [int(result.text) for result in results], service


# The image, or one feature of it


@pytest.mark.parametrize("code", [Code.INVALID_ARGUMENT, Code.NOT_FOUND])
def test_an_image_that_the_service_cannot_read_fails_alone(connect: Connect, way: Way, code: Code) -> None:
    failed = AnalyzeResult(error=Status(code=code, message="cannot decode"))

    def script(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        numbers = numbers_of(request)
        return BatchAnalyzeResponse(results=[failed if number == 2 else read(png(number)) for number in numbers])

    client, service = connect(script)
    results = client.collect([png(number) for number in range(5)], ordered=True)
    assert [result.ok for result in results] == [True, True, False, True, True]
    assert results[2].error is not None
    assert (results[2].error.code, results[2].error.message) == (code, "cannot decode")
    assert results[2].attempts == 1
    assert (results[2].error.cause is None) == way.has_batches
    assert sorted(map(numbers_of, service.requests)) == way.batches(range(5))


@pytest.mark.parametrize("level", ["image", "feature"])
@pytest.mark.parametrize("code", [Code.INTERNAL, Code.RESOURCE_EXHAUSTED])
def test_an_image_that_failed_for_the_moment_is_sent_again_alone(
    connect: Connect, way: Way, level: str, code: Code
) -> None:
    status = Status(code=code, message="try again")
    failed = AnalyzeResult(error=status) if level == "image" else AnalyzeResult(results=[FeatureResult(error=status)])

    fails = {1, 4}

    def script(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        results = [failed if number in fails else read(png(number)) for number in numbers_of(request)]
        fails.difference_update(numbers_of(request))
        return BatchAnalyzeResponse(results=results)

    texts, service = _texts(8, connect, script)
    assert texts == list(range(8))
    assert sorted(map(numbers_of, service.requests)) == sorted(way.batches(range(8)) + way.batches([1, 4]))


def test_an_image_that_keeps_failing_has_the_services_word(connect: Connect, way: Way) -> None:
    failed = AnalyzeResult(error=Status(code=Code.INTERNAL, message="bug"))
    client, service = connect(lambda _: BatchAnalyzeResponse(results=[failed]), retry=RetryPolicy(attempts=3))
    [result] = client.collect([png(1)])
    assert result.error is not None
    assert (result.error.message, result.attempts, len(service.requests)) == ("bug", 3, 3)
    assert result.result == (failed if way.has_batches else None)


# The call


@pytest.mark.parametrize(
    "code",
    [
        Code.PERMISSION_DENIED,
        Code.NOT_FOUND,
        Code.FAILED_PRECONDITION,
        Code.OUT_OF_RANGE,
        Code.UNIMPLEMENTED,
        Code.UNKNOWN,
        Code.CANCELLED,
        Code.DATA_LOSS,
    ],
)
def test_a_call_that_is_refused_for_good_fails_its_images(connect: Connect, way: Way, code: Code) -> None:
    client, service = connect(lambda _: ServiceError(code, "said the service"))
    results = client.collect([png(1), png(2)])
    assert [result.attempts for result in results] == [1, 1]
    for result in results:
        assert result.error is not None
        assert result.error.code is code
        assert isinstance(result.error.cause, ServiceError)
        assert result.error.cause.message == "said the service"
        assert result.error.cause.request_id == result.request_id
        assert result.request_id in (service.request_ids if way.is_real else [None])
        assert result.error.cause.transport == result.transport == way.transport
    with pytest.raises(ServiceError, match="said the service") as caught:
        client.analyze(png(1))
    assert caught.value.code is code
    assert len(service.requests) == len(way.batches([1, 2])) + 1


@pytest.mark.parametrize(
    "code", [Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.INTERNAL, Code.ABORTED, Code.DEADLINE_EXCEEDED]
)
def test_a_call_that_failed_for_the_moment_is_repeated(connect: Connect, way: Way, code: Code) -> None:
    texts, service = _texts(3, connect, _once(lambda _: ServiceError(code, "try again")))
    assert texts == [0, 1, 2]
    first, *later = map(numbers_of, service.requests)
    assert first in later
    assert sorted(later) == way.batches(range(3))


@pytest.mark.parametrize("wait_s", [3_600, 9_999_999_999])
def test_a_wait_that_the_service_asks_for_is_kept(connect: Connect, wait_s: int) -> None:
    """It asks for longer than there is time, so that nobody waits, and the error says so."""
    busy = ServiceError(Code.UNAVAILABLE, "busy", retry_after_s=wait_s)
    client, service = connect(lambda _: busy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RETRY_WAITS, "_turned_off", 0)
        [result] = client.collect([png(1)])
        with pytest.raises(ServiceError) as caught:
            client.analyze(png(1))
    assert caught.value.retry_after_s == wait_s
    assert result.error is not None
    assert result.error.code is Code.UNAVAILABLE
    assert result.error.message.startswith(f"busy; not sent again: the service asks for a wait of {wait_s} s, and the")
    assert (result.attempts, len(service.requests)) == (1, 2)


def test_a_request_that_is_refused_is_bisected_until_the_guilty_image_is_alone(connect: Connect) -> None:
    def script(request: BatchAnalyzeRequest) -> Reply:
        return ServiceError(Code.INVALID_ARGUMENT, "no image") if 5 in numbers_of(request) else answer(request)

    client, service = connect(script)
    results = client.collect([png(number) for number in range(8)], ordered=True)
    assert [result.ok for result in results] == [number != 5 for number in range(8)]
    assert results[5].error is not None
    assert results[5].error.code is Code.INVALID_ARGUMENT
    answered = [
        number for request in service.requests if 5 not in numbers_of(request) for number in numbers_of(request)
    ]
    assert sorted(answered) == [0, 1, 2, 3, 4, 6, 7]


def test_a_broken_connection_is_made_anew(connect: Connect, way: Way) -> None:
    texts, service = _texts(8, connect, _once(lambda _: Close()))
    assert texts == list(range(8))
    first, *later = map(numbers_of, service.requests)
    assert first in later
    # Other calls may break off with the connection that they share.
    assert len(later) == 1 or not way.has_batches


# Answers that are none


@pytest.mark.parametrize("garbage", [b"\xff" * 40, b"<html>no</html>", b"\x0a\x7f", b'{"results": 5}', b"[]"])
def test_garbage_is_asked_for_again(connect: Connect, garbage: bytes) -> None:
    texts, _ = _texts(8, connect, _once(lambda _: garbage))
    assert texts == list(range(8))


def test_nothing_but_garbage_fails_each_image(connect: Connect, way: Way) -> None:
    """And is not asked for a third time: each answer is billed, and the next one is no better."""
    client, service = connect(lambda _: b"\xff\xff")
    results = client.collect([png(1), png(2)])
    assert [(result.error.code, result.attempts) for result in results if result.error] == [(Code.DATA_LOSS, 2)] * 2
    assert sorted(map(numbers_of, service.requests)) == sorted(2 * way.batches([1, 2]))
    with pytest.raises(ProtocolError):
        client.analyze(png(1))


# Tokens


class _Tokens:
    """Counts its tokens."""

    is_service_account = True

    def __init__(self) -> None:
        self.refused: list[str] = []

    def authorization(self, *, refused: str | None = None, timeout_s: float = 1) -> str:  # noqa: ARG002 - no wait
        if refused is not None:
            self.refused.append(refused)
        return f"Bearer token-{len(self.refused)}"

    async def authorization_async(self, *, refused: str | None = None, timeout_s: float = 1) -> str:
        return self.authorization(refused=refused, timeout_s=timeout_s)


def test_a_token_that_is_refused_is_replaced(connect: Connect, way: Way) -> None:
    tokens = _Tokens()
    client, service = connect(_once(lambda _: ServiceError(Code.UNAUTHENTICATED, "expired")), credentials=tokens)
    results = client.collect([png(number) for number in range(8)])
    assert [result.ok for result in results] == [True] * 8
    assert tokens.refused == ["Bearer token-0"]
    if way.is_real:
        assert service.authorizations[0] == "Bearer token-0"
        assert {*service.authorizations} == {"Bearer token-0", "Bearer token-1"}
        assert len(service.authorizations) == len(way.batches(range(8))) + 1


def test_a_fresh_token_that_is_refused_too_is_the_end(connect: Connect) -> None:
    tokens = _Tokens()
    client, service = connect(lambda _: ServiceError(Code.UNAUTHENTICATED, "who are you"), credentials=tokens)
    with pytest.raises(ServiceError, match="who are you") as caught:
        client.analyze(png(1))
    assert caught.value.code is Code.UNAUTHENTICATED
    assert (len(tokens.refused), len(service.requests)) == (1, 2)


def test_every_image_ends_once_whatever_the_service_does(connect: Connect, way: Way) -> None:
    """All misdeeds in turn, over and over; but of answers that cannot be read, an image gets one."""
    unread: set[int] = set()

    def unreadable(reply: Callable[[BatchAnalyzeRequest], Reply]) -> Callable[[BatchAnalyzeRequest], Reply]:
        def deed(request: BatchAnalyzeRequest) -> Reply:
            numbers = numbers_of(request)
            if not unread.isdisjoint(numbers):
                return answer(request)
            unread.update(numbers)
            return reply(request)

        return deed

    deeds: list[Callable[[BatchAnalyzeRequest], Reply]] = [
        lambda _: ServiceError(Code.UNAVAILABLE, "busy"),
        unreadable(lambda _: b"\xff"),
        unreadable(lambda request: BatchAnalyzeResponse(results=answer(request).results[1:])),
        _half,
        answer,
        answer,
    ]
    turns = cycle(deeds)

    def script(request: BatchAnalyzeRequest) -> Reply:
        return next(turns)(request)

    client, service = connect(script, retry=RetryPolicy(attempts=50, budget=1_000))
    results = client.collect([png(number) for number in range(300)])
    assert sorted(int(result.text) for result in results if result.ok) == list(range(300))
    assert all(int(result.key.removeprefix("#")) == int(result.text) for result in results)
    assert len(service.requests) < 10 * len(way.batches(range(300)))


def _half(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
    """Half of the images fail for the moment."""
    failed = AnalyzeResult(error=Status(code=Code.INTERNAL))
    numbers = [number_in(spec.content) for spec in request.analyze_specs]
    return BatchAnalyzeResponse(results=[failed if number % 2 else read(png(number)) for number in numbers])
