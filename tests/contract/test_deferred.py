"""Operations of ocr/v1: each client over each transport."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from drivers import AsyncDriver, Driver, SyncDriver
from images_in_bytes import number_in, png
from ocr_service import NOT_READY, OcrService, Stream, answer, page, ready_after, serve_ocr
from scripted_quota import ScriptedQuota

from vision_grpc import Image, ImageResult, InvalidRequestError, Limits, PendingOperation, RetryPolicy, Stop, Timeouts
from vision_grpc.auth import IamToken
from vision_grpc.codec.json import to_json
from vision_grpc.errors import Code, ServiceError
from vision_grpc.events import CallStarted, Event, OperationAccepted, OperationEnded, OperationPolled
from vision_grpc.messages import Operation, RecognizeTextRequest, Status
from vision_grpc.testing import MemoryTransport, without_backoff

Connect = Callable[..., tuple[Driver, OcrService]]
_QUICK = Limits(polls_per_s=1_000)


@pytest.fixture(params=["grpc", "rest"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["sync", "asyncio"])
def driver(request: pytest.FixtureRequest) -> type[SyncDriver | AsyncDriver]:
    return SyncDriver if request.param == "sync" else AsyncDriver


@pytest.fixture
def connect(transport: str, driver: Any) -> Iterator[Connect]:  # noqa: ANN401
    with without_backoff(), ExitStack() as stack:

        def connect(options: dict[str, Any] | None = None, /, **scripts: Any) -> tuple[Driver, OcrService]:  # noqa: ANN401
            service = stack.enter_context(serve_ocr(scripts.pop("script", answer), transport, **scripts))
            connection = {"endpoint": service.address, "transport": transport, "insecure": True, "api": "ocr/v1"}
            return driver(connection | {"limits": _QUICK} | (options or {})), service

        yield connect


def _collect(client: Driver, images: Any, **arguments: Any) -> list[ImageResult]:  # noqa: ANN401
    return client.collect(images, deferred=True, **arguments)


def _only(client: Driver, *images: Any, **arguments: Any) -> ImageResult:  # noqa: ANN401
    [result] = _collect(client, images, **arguments)
    return result


def _code(result: ImageResult) -> Code | None:
    return None if result.error is None else result.error.code


def _says(result: ImageResult) -> str:
    return "" if result.error is None else result.error.message


def test_each_image_gets_the_text_of_its_operation(connect: Connect, transport: str) -> None:
    events: list[Event] = []
    client, service = connect({"on_event": events.append, "folder_id": "b1g"}, recognition=ready_after(2))
    results = _collect(client, [Image(f"key {number}", png(number)) for number in range(40)])
    assert {result.key: result.text for result in results} == {
        f"key {number}": f"number {number}" for number in range(40)
    }
    assert all((result.ok, result.attempts, result.transport) == (True, 1, transport) for result in results)
    accepted = {event.operation_id: event for event in events if isinstance(event, OperationAccepted)}
    assert {result.operation_id: result.key for result in results} == {
        operation_id: event.key for operation_id, event in accepted.items()
    }
    assert {event.content_bytes for event in accepted.values()} == {len(png(1)), len(png(10))}
    ended = [event for event in events if isinstance(event, OperationEnded)]
    assert {event.operation_id for event in ended} == accepted.keys()
    assert {(event.polls, event.code) for event in ended} == {(3, Code.OK)}
    assert not service.requests
    assert set(service.polls.values()) == {3}
    stats = client.stats
    assert (stats.requests, stats.operations_accepted, stats.operations_waiting, stats.polls) == (40, 40, 0, 120)
    assert {headers["x-folder-id"] for headers in service.headers} == {"b1g"}


def test_each_question_is_an_event(connect: Connect, transport: str) -> None:
    events: list[Event] = []
    broken = Stream(error=ServiceError(Code.UNAVAILABLE, "down"))
    client, service = connect(
        {"on_event": events.append}, recognition=lambda _, asked: [Stream(error=NOT_READY), broken, None][asked]
    )
    [result] = _collect(client, [Image("a.png", png(1))])
    assert result.ok
    polls = [event for event in events if isinstance(event, OperationPolled)]
    assert [(poll.polls, poll.is_pending, poll.code) for poll in polls] == [
        (1, True, Code.NOT_FOUND),
        (2, False, Code.UNAVAILABLE),
        (3, False, Code.OK),
    ]
    assert {(poll.key, poll.operation_id, poll.transport) for poll in polls} == {("a.png", "op-0", transport)}
    host, _, port = service.address.removeprefix("http://").rpartition(":")
    assert {(poll.method, poll.server_address, poll.server_port) for poll in polls} == {
        ("yandex.cloud.ai.ocr.v1.TextRecognitionAsyncService/GetRecognition", host, int(port))
    }
    assert (polls[-1].request_id, polls[-1].message) == ("id-1", "")
    assert all(0 < poll.latency_s < 60 for poll in polls)
    [call] = [event for event in events if isinstance(event, CallStarted)]
    assert call.method == "yandex.cloud.ai.ocr.v1.TextRecognitionAsyncService/Recognize"
    assert len({call.call_id, *(poll.call_id for poll in polls)}) == 4
    assert len([event for event in events if isinstance(event, OperationEnded)]) == 1


def test_a_question_for_a_status_is_an_event(connect: Connect) -> None:
    events: list[Event] = []
    unknown = Stream(error=ServiceError(Code.NOT_FOUND, "no data for this id so far"))
    there = Stream([page(0, "there")])
    client, _ = connect({"on_event": events.append}, recognition=lambda _, asked: unknown if asked < 1 else there)
    assert _only(client, PendingOperation("a.png", "old")).ok
    polls = [event for event in events if isinstance(event, OperationPolled)]
    assert [(poll.method.rpartition("/")[2], poll.is_pending, poll.code) for poll in polls] == [
        ("GetRecognition", False, Code.NOT_FOUND),
        ("Get", True, Code.OK),
        ("GetRecognition", False, Code.OK),
    ]


def test_a_file_takes_a_permit_and_a_question_none(connect: Connect) -> None:
    quota = ScriptedQuota(1_000)
    client, service = connect({"quota": quota}, recognition=ready_after(2))
    assert all(result.ok for result in _collect(client, map(png, range(8))))
    assert (service.submissions, sum(service.polls.values())) == (8, 24)
    # On a busy machine, a permit may come too late to be used.
    assert 8 <= quota.granted < 16


def test_operations_are_the_default_of_many_and_not_of_one(driver: Any, transport: str) -> None:  # noqa: ANN401
    with serve_ocr(answer, transport, recognition=ready_after(0)) as service:
        client = driver({"endpoint": service.address, "transport": transport, "insecure": True, "api": "ocr/v1"})
        assert client.analyze(png(1)).operation_id is None
        assert (len(service.requests), service.submissions) == (1, 0)
        [result] = client.collect([png(1)], deferred=None)
        assert (result.operation_id, service.submissions) == ("op-0", 1)


def test_results_come_in_order_where_that_is_asked_for(connect: Connect) -> None:
    client, _ = connect(recognition=lambda name, asked: None if asked > int(name[3:]) % 5 else Stream(error=NOT_READY))
    results = _collect(client, [png(number) for number in range(30)], ordered=True)
    assert [result.text for result in results] == [f"number {number}" for number in range(30)]


def test_a_file_that_was_accepted_before_is_not_sent_again(connect: Connect) -> None:
    client, service = connect(recognition=ready_after(0))
    service.operations["old"] = RecognizeTextRequest(content=png(7))
    for result in (_only(client, PendingOperation("mine", "old")), client.analyze(PendingOperation("mine", "old"))):
        assert (result.key, result.text, result.operation_id, result.attempts) == ("mine", "number 7", "old", 0)
    assert (service.submissions, service.requests) == (0, [])
    mixed = _collect(client, [PendingOperation("mine", "old"), png(3)])
    assert sorted(result.text for result in mixed) == ["number 3", "number 7"]


def test_no_more_operations_than_allowed(connect: Connect) -> None:
    limits = Limits(operations_in_flight=3, polls_per_s=1_000)
    most = 0

    def recognition(_: str, asked: int) -> Stream | None:
        nonlocal most
        most = max(most, len(service.operations) - done)
        return Stream(error=NOT_READY) if asked < 3 else None

    done = 0

    def count(_: ImageResult) -> None:
        nonlocal done
        done += 1

    client, service = connect({"limits": limits}, recognition=recognition)
    assert len(_collect(client, map(png, range(12)), on_result=count)) == 12
    assert most <= 3


def test_a_stop_waits_for_what_was_accepted(connect: Connect) -> None:
    stop = Stop()
    client, service = connect(recognition=ready_after(3))

    def images() -> Iterator[bytes]:
        for number in range(100):
            if service.submissions >= 5:
                stop.ask()
            yield png(number)

    results = _collect(client, images(), stop=stop)
    assert len(results) == service.submissions < 100
    assert all(result.ok for result in results)


def test_closing_tells_which_operations_were_left(connect: Connect) -> None:
    events: list[Event] = []
    never = {f"op-{number}" for number in range(5)}
    client, _ = connect(
        {"on_event": events.append},
        recognition=lambda name, _: Stream(error=NOT_READY) if name in never else None,
    )
    client.take((png(number) for number in range(1_000)), 3, deferred=True)
    ended = [event for event in events if isinstance(event, OperationEnded) and event.code is Code.CANCELLED]
    accepted = {event.operation_id for event in events if isinstance(event, OperationAccepted)}
    assert never <= {event.operation_id for event in ended} <= accepted
    assert client.stats.operations_waiting == 0


# What happens to a question does not end its operation


@pytest.mark.parametrize(
    "errors",
    [
        [ServiceError(Code.UNAVAILABLE, "down")] * 3,
        [ServiceError(Code.RESOURCE_EXHAUSTED, "quota of polls")] * 3,
        [ServiceError(Code.INTERNAL, "oops"), NOT_READY, ServiceError(Code.DEADLINE_EXCEEDED, "slow")],
        [ServiceError(Code.CANCELLED, "a gateway"), ServiceError(Code.UNKNOWN, "who knows")],
        [ServiceError(Code.NOT_FOUND, "Operation data is NOT READY yet")],
        [ServiceError(Code.NOT_FOUND, "no such operation"), NOT_READY],
    ],
)
def test_a_question_is_asked_again(connect: Connect, errors: list[ServiceError]) -> None:
    def recognition(_: str, asked: int) -> Stream | None:
        return Stream(error=errors[asked]) if asked < len(errors) else None

    client, service = connect(recognition=recognition)
    result = _only(client, png(1))
    assert (result.text, service.submissions) == ("number 1", 1)


def test_a_stream_that_breaks_off_is_asked_for_again(connect: Connect) -> None:
    broken = Stream([page(1, "a")], ServiceError(Code.UNAVAILABLE, "broken"))
    client, _ = connect(
        script=lambda _: Stream([page(1, "a"), page(2, "b")]), recognition=lambda _, asked: None if asked else broken
    )
    assert _only(client, png(1)).text == "a\n\nb"


@pytest.mark.parametrize(
    ("pages", "says"), [([], "without a page|not JSON"), ([page(1, "a"), page(1, "b")], "page 1 came twice")]
)
def test_an_answer_that_cannot_be_read_is_asked_for_once_more(connect: Connect, pages: list[Any], says: str) -> None:
    client, service = connect(recognition=lambda _, asked: Stream(pages) if asked < 1 else None)
    assert _only(client, png(1)).text == "number 1"
    client, service = connect(recognition=lambda _, __: Stream(pages))
    result = _only(client, png(1))
    assert (_code(result), service.polls["op-0"], service.submissions) == (Code.DATA_LOSS, 2, 1)
    assert re.search(says, _says(result))
    assert "op-0" in _says(result)


def test_pages_out_of_order_are_put_in_order_and_a_gap_is_an_error(connect: Connect) -> None:
    client, _ = connect(recognition=lambda _, __: Stream([page(2, "b"), page(1, "a"), page(2, "b")]))
    assert _only(client, png(1)).text == "a\n\nb"
    client, _ = connect(recognition=lambda _, __: Stream([page(1, "a"), page(4, "d"), page(6, "f")]))
    result = _only(client, png(1))
    assert (result.text, _code(result)) == ("a\n\nd\n\nf", Code.DATA_LOSS)
    assert "pages 2 to 3, 5" in _says(result)


def test_an_error_between_pages_keeps_those_before_it(connect: Connect) -> None:
    error = ServiceError(Code.INVALID_ARGUMENT, "page 2 is damaged")
    client, _ = connect(recognition=lambda _, __: Stream([page(1, "a")], error))
    result = _only(client, png(1))
    assert (result.text, _code(result), result.operation_id) == ("a", Code.INVALID_ARGUMENT, "op-0")


def test_over_rest_the_answer_for_many_pages_may_be_long(driver: Any) -> None:  # noqa: ANN401
    # Blanks, for JSON takes longer to read.
    body = b'{"result":%b}' % to_json(page(0, "read")) + b" " * (65 * 1024 * 1024)
    with serve_ocr(answer, "rest", recognition=lambda _, __: body) as service:
        client = driver({"endpoint": service.address, "transport": "rest", "insecure": True, "api": "ocr/v1"})
        assert _only(client, PendingOperation("mine", "old")).text == "read"


def test_a_refused_token_is_replaced_once(connect: Connect) -> None:
    tokens = iter(["t1.old", "t1.new", "t1.newer"])
    refused = {"Bearer t1.old"}

    def recognition(_: str, __: int) -> Stream | None:
        if service.headers[-1]["authorization"] in refused:
            return Stream(error=ServiceError(Code.UNAUTHENTICATED, "expired"))
        return None

    credentials = IamToken(lambda: next(tokens))
    client, service = connect({"credentials": credentials}, recognition=recognition)
    assert _only(client, png(1)).ok
    refused |= {"Bearer t1.new", "Bearer t1.newer"}
    result = _only(client, PendingOperation("k", "op-0"))
    assert (_code(result), result.operation_id) == (Code.UNAUTHENTICATED, "op-0")
    assert "PendingOperation('k', 'op-0')" in _says(result)


def test_a_submission_is_refused_for_quota_and_sent_again(connect: Connect) -> None:
    def submission(number: int) -> ServiceError | None:
        return ServiceError(Code.RESOURCE_EXHAUSTED, "10 a second") if number in {1, 2} else None

    client, service = connect(submission=submission, recognition=ready_after(0))
    results = _collect(client, map(png, range(5)))
    assert (all(result.ok for result in results), service.submissions) == (True, 7)


# Operations without a result


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ServiceError(Code.PERMISSION_DENIED, "not yours"), "another folder"),
        (ServiceError(Code.NOT_FOUND, "Operation old not found"), "three days"),
        (ServiceError(Code.INVALID_ARGUMENT, "the file is encrypted"), "the file is encrypted"),
        (ServiceError(Code.FAILED_PRECONDITION, "failed"), "failed"),
    ],
)
def test_what_the_service_says_of_an_operation_is_its_result(connect: Connect, error: ServiceError, says: str) -> None:
    unknown = ServiceError(Code.NOT_FOUND, "no such operation")
    client, service = connect(recognition=lambda _, __: Stream(error=error), status=lambda _: unknown)
    result = _only(client, PendingOperation("mine", "old"))
    assert (result.key, _code(result), result.operation_id) == ("mine", error.code, "old")
    assert says in _says(result)
    assert "old" in _says(result)
    assert "correct" not in _says(result)
    assert service.polls["old"] == 1


def test_what_sounds_unknown_is_waited_for_where_its_status_says_that_it_goes_on(connect: Connect) -> None:
    odd = Stream(error=ServiceError(Code.NOT_FOUND, "no data for this id so far"))
    client, service = connect(
        recognition=lambda _, asked: odd if asked < 3 else Stream([page(0, "there at last")]),
    )
    result = _only(client, PendingOperation("mine", "old"))
    assert (result.text, len(service.statuses)) == ("there at last", 3)


def test_what_is_done_and_sounds_unknown_is_gone(connect: Connect) -> None:
    error = ServiceError(Code.NOT_FOUND, "no data for this id")
    client, service = connect(
        recognition=lambda _, __: Stream(error=error), status=lambda each: Operation(id=each, done=True)
    )
    result = _only(client, PendingOperation("mine", "old"))
    assert (_code(result), service.polls["old"]) == (Code.NOT_FOUND, 2)
    assert "send the file again" in _says(result)


@pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.INTERNAL])
def test_an_operation_that_failed_as_an_overload_would_is_found_out_at_once(connect: Connect, code: Code) -> None:
    status = Operation(id="op-0", done=True, error=Status(code=code, message="the reader broke"))
    client, service = connect(
        recognition=lambda _, __: Stream(error=ServiceError(code, "the reader broke")), status=lambda _: status
    )
    result = _only(client, png(1))
    assert (_code(result), _says(result)) == (code, "the reader broke (operation op-0 failed: send the file again)")
    assert (service.polls["op-0"], len(service.statuses)) == (2, 1)


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (Operation(id="old", done=True, error=Status(code=Code.CANCELLED, message="by you")), Code.CANCELLED, "cancel"),
        (Operation(id="old", done=True, error=Status(code=Code.INTERNAL, message="oops")), Code.INTERNAL, "oops"),
        (ServiceError(Code.NOT_FOUND, "Operation old not found"), Code.NOT_FOUND, "send the file again"),
        (Operation(id="old", done=True), Code.NOT_FOUND, "done and has no result"),
        (Operation(id="old"), Code.DEADLINE_EXCEEDED, "ask again later"),
        (ServiceError(Code.UNIMPLEMENTED, "no OperationService"), Code.DEADLINE_EXCEEDED, "ask again later"),
        (ServiceError(Code.NOT_FOUND, "404 page not found"), Code.DEADLINE_EXCEEDED, "ask again later"),
    ],
)
def test_the_status_of_a_late_operation_is_asked_for(
    connect: Connect, status: Operation | ServiceError, code: Code, says: str
) -> None:
    # On a busy machine, one question may take all of a short time.
    for operation_s in (0.4, 2.0, 10.0):
        client, service = connect(
            {"timeouts": Timeouts(operation_s=operation_s)},
            recognition=lambda _, __: Stream(error=NOT_READY),
            status=lambda _: status,
        )
        result = _only(client, PendingOperation("mine", "old"))
        if service.statuses and _code(result) is code:
            break
    assert service.statuses
    assert (_code(result), result.operation_id) == (code, "old")
    assert says in _says(result)
    assert "old" in _says(result)


def test_an_operation_that_ends_at_once_with_an_error_is_the_error_of_the_file(connect: Connect) -> None:
    failed = Operation(id="op-x", done=True, error=Status(code=Code.INVALID_ARGUMENT, message="no picture"))
    client, _ = connect(submission=lambda _: failed)
    result = _only(client, png(1))
    assert (_code(result), _says(result)) == (Code.INVALID_ARGUMENT, "no picture")


def test_an_operation_without_an_id_is_no_answer(connect: Connect) -> None:
    client, service = connect(submission=lambda _: Operation(done=False))
    result = _only(client, png(1))
    assert (_code(result), service.submissions) == (Code.DATA_LOSS, 2)


def test_a_service_that_is_not_there_is_said_soon(driver: Any) -> None:  # noqa: ANN401
    client = driver({"api": "ocr/v1", "endpoint": "127.0.0.1:1", "transport": "grpc", "insecure": True,
                     "retry": RetryPolicy(max_backoff_s=0.01)})  # fmt: skip
    result = _only(client, PendingOperation("mine", "old"))
    assert (_code(result), result.operation_id) == (Code.UNAVAILABLE, "old")
    assert "PendingOperation('mine', 'old')" in _says(result)


# Arguments


def test_operations_of_an_api_without_them_are_refused_by_name(driver: Any) -> None:  # noqa: ANN401
    client = driver({"endpoint": "127.0.0.1:1", "transport": "grpc", "insecure": True})
    with pytest.raises(InvalidRequestError, match=r"deferred: .*vision/v1 has none.*api='ocr/v1'"):
        _collect(client, [png(1)])
    result = client.analyze(PendingOperation("mine", "old"))
    assert (_code(result), "vision/v1 has none" in _says(result)) == (Code.INVALID_ARGUMENT, True)
    with pytest.raises(TypeError, match="deferred"):
        client.collect([png(1)], deferred="yes")


def test_a_transport_of_ones_own_has_none(driver: Any) -> None:  # noqa: ANN401
    from vision_grpc.api.ocr_v1 import OCR_V1

    transport = MemoryTransport(lambda request: [page(1, f"number {number_in(request.content)}")], api=OCR_V1)
    client = driver({"api": "ocr/v1", "transport": transport})
    assert client.collect([png(1)], deferred=None)[0].text == "number 1"
    with pytest.raises(InvalidRequestError, match="transport of your own"):
        _collect(client, [png(1)])


@pytest.mark.parametrize("operation_id", ["", "ид", "a\nb", "\ud800"])
def test_what_is_not_an_id_is_refused(connect: Connect, operation_id: str) -> None:
    client, service = connect()
    assert _code(_only(client, PendingOperation("mine", operation_id))) is Code.INVALID_ARGUMENT
    assert not service.polls


def test_results_of_operations_are_recorded(connect: Connect, tmp_path: Path) -> None:
    images = [Image(f"key {number}", png(number)) for number in range(5)]
    client, _ = connect({"cache": tmp_path / "tape"}, recognition=ready_after(2))
    fresh = {result.key: result for result in _collect(client, images)}
    client, again = connect({"cache": tmp_path / "tape"})
    found = _collect(client, images, ordered=True)
    assert {result.key: result.text for result in found} == {key: result.text for key, result in fresh.items()}
    assert {(result.attempts, result.transport) for result in found} == {(0, "tape")}
    assert not again.submissions
    # What is asked at once is answered by what was read later.
    client, at_once = connect({"cache": tmp_path / "tape"})
    assert client.analyze(images[0]).transport == "tape"
    assert not at_once.requests
