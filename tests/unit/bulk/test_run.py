"""Runs against a service in memory: their bounds, what they cost, how they end."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from images_in_bytes import png
from scripted_service import answer, numbers_of

from vision_grpc import Limits, VisionClient
from vision_grpc.bulk.budget import Budget
from vision_grpc.bulk.ending import Ending
from vision_grpc.bulk.flight import Flight
from vision_grpc.bulk.journal import JournalError
from vision_grpc.bulk.progress import Progress
from vision_grpc.bulk.run import BulkRun
from vision_grpc.bulk.sink import Sent
from vision_grpc.errors import Code, ServiceError, TransportError
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse, Status
from vision_grpc.results import ImageResult
from vision_grpc.session.stop import Stop
from vision_grpc.sources.fit import Change
from vision_grpc.sources.item import Item, Read
from vision_grpc.testing import MemoryTransport, without_backoff

SOON_S = 30.0


@pytest.fixture(autouse=True)
def no_waits() -> Iterator[None]:
    with without_backoff():
        yield


@dataclass
class Kept:
    """A sink that keeps keys."""

    keys: list[str] = field(default_factory=list[str])

    def write(self, result: ImageResult, sent: Sent, change: Change | None) -> None:
        assert sent.item.key == result.key
        assert change is None
        self.keys.append(result.key)

    def check_space(self) -> None:
        pass


def item(number: int, read: Callable[[Limits], Read] | None = None) -> Item:
    return Item(f"{number}", (lambda _: png(number)) if read is None else read)


def items(count: int) -> Iterator[Item]:
    return map(item, range(count))


class Service:
    """Answers, or loses the answers of some calls, by their numbers from 1: it has done the work all the same."""

    def __init__(self, lost: Callable[[int], bool] = lambda _: False) -> None:
        self._is_lost = lost
        self._calls = 0
        self.billed = 0

    def __call__(self, request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        self._calls += 1
        self.billed += len(request.analyze_specs)
        if self._is_lost(self._calls):
            message = "the connection was lost"
            raise TransportError(message)
        return answer(request)


def follow(run: BulkRun, on_result: Callable[[], None] = lambda: None) -> Ending:
    results = run.results()
    while True:
        try:
            next(results)
        except StopIteration as end:
            ending: Ending = end.value
            return ending
        on_result()


class Ran:
    """A run that came to its end."""

    def __init__(
        self,
        images: Iterable[Item],
        handler: Callable[[BatchAnalyzeRequest], BatchAnalyzeResponse],
        **options: Any,  # noqa: ANN401 - those of the run
    ) -> None:
        self.sink, self.flight = Kept(), Flight()
        limits = Limits(calls_in_flight=2)
        with VisionClient(transport=MemoryTransport(handler), limits=limits, on_event=self.flight) as client:
            self.run = BulkRun(client, images, self.sink, Progress(0.0), flight=self.flight, **options)
            self.ending = follow(self.run)
            self.retries = client.stats().retries

    @property
    def numbers(self) -> list[int]:
        return sorted(map(int, self.sink.keys))


WAYS = pytest.mark.parametrize("is_slow", [False, True], ids=["in place", "read ahead"])


@WAYS
@pytest.mark.parametrize("ordered", [False, True])
def test_all_images_are_read_once(*, is_slow: bool, ordered: bool) -> None:
    ran = Ran(items(50), Service(), is_slow=is_slow, ordered=ordered)
    assert (ran.ending, ran.numbers) == (Ending.COMPLETE, list(range(50)))


@WAYS
@pytest.mark.parametrize(("most", "ending"), [(0, Ending.LIMIT), (7, Ending.LIMIT), (20, Ending.COMPLETE)])
def test_no_more_images_are_sent_than_asked_for(most: int, ending: Ending, *, is_slow: bool) -> None:
    ran = Ran(items(20), Service(), max_images=most, is_slow=is_slow)
    assert (ran.ending, ran.numbers) == (ending, list(range(most)))


@WAYS
@pytest.mark.parametrize(("most", "ending"), [(0, Ending.BUDGET), (7, Ending.BUDGET), (20, Ending.COMPLETE)])
def test_no_more_is_spent_than_the_budget(most: int, ending: Ending, *, is_slow: bool) -> None:
    budget, service = Budget(most), Service()
    ran = Ran(items(20), service, budget=budget, is_slow=is_slow)
    assert (ran.ending, ran.numbers, service.billed, budget.spent) == (ending, list(range(most)), most, most)


@WAYS
def test_units_that_were_not_billed_are_for_images_that_were_held_back(*, is_slow: bool) -> None:
    def refuse_even(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        refusal = AnalyzeResult(error=Status(code=Code.INVALID_ARGUMENT, message="bad"))
        results = zip(numbers_of(request), answer(request).results, strict=True)
        return BatchAnalyzeResponse(results=[result if number % 2 else refusal for number, result in results])

    budget = Budget(10)
    ran = Ran(items(20), refuse_even, budget=budget, is_slow=is_slow)
    assert (ran.ending, ran.numbers, budget.spent) == (Ending.COMPLETE, list(range(20)), 10)


@WAYS
@pytest.mark.parametrize("most", [9, 40, 41, 100])
def test_the_budget_holds_and_is_used_up_though_answers_are_lost(most: int, *, is_slow: bool) -> None:
    budget, service = Budget(most), Service(lambda call: call % 3 == 2)
    ran = Ran(items(400), service, budget=budget, is_slow=is_slow)
    assert ran.ending is Ending.BUDGET
    assert service.billed == budget.spent == most
    assert len(ran.numbers) == most - ran.run.lost
    assert ran.numbers == sorted(set(ran.numbers))


@WAYS
def test_a_service_that_answers_nothing_costs_no_more_than_the_budget(*, is_slow: bool) -> None:
    budget, service = Budget(40), Service(lambda _: True)
    ran = Ran(items(400), service, budget=budget, is_slow=is_slow)
    assert (ran.ending, service.billed, budget.spent, ran.run.lost) == (Ending.BUDGET, 40, 40, 40)


def test_images_count_as_sent_again_when_they_were() -> None:
    assert Ran(items(400), Service(lambda call: call == 2), budget=Budget(1_000)).retries == 8
    assert Ran(items(400), Service(lambda call: call == 2), budget=Budget(17)).retries == 0


def test_lost_answers_that_cannot_be_put_on_record_end_the_run(caplog: pytest.LogCaptureFixture) -> None:
    records: list[int] = []

    def record(units: int) -> None:
        records.append(units)
        if len(records) > 1:
            message = "no space left"
            raise JournalError(message)

    service = Service(lambda call: call <= 20)
    with pytest.raises(JournalError, match="no space left"):
        Ran(items(40), service, budget=Budget(1_000, record=record))
    assert service.billed <= records[0]
    # The client logs what its hook raises, with a traceback.
    assert [each for each in caplog.records if each.levelno > logging.INFO] == []


@WAYS
def test_a_stop_ends_a_run_with_what_is_in_flight(*, is_slow: bool) -> None:
    stop = Stop()

    def stop_at_two(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        if 16 in numbers_of(request):
            stop.ask()
        return answer(request)

    ran = Ran(items(400), stop_at_two, stop=stop, is_slow=is_slow)
    assert ran.ending is Ending.INTERRUPTED
    assert 16 in ran.numbers
    assert len(ran.numbers) < 400


def test_a_stop_that_comes_first_sends_nothing() -> None:
    stop, service = Stop(), Service()
    stop.ask()
    ran = Ran(items(4), service, stop=stop)
    assert (ran.ending, ran.numbers, service.billed) == (Ending.INTERRUPTED, [], 0)


@pytest.mark.parametrize("where", ["source", "read"])
def test_an_interrupt_does_not_wait_for_what_is_being_read(where: str) -> None:
    """What hangs is left, and the images before it keep their results."""

    def hang(_: Limits | None = None) -> Item:
        # As a signal handler does while a read waits.
        run.interrupt()
        raise AssertionError

    def images() -> Iterator[Item]:
        yield from items(11)
        yield hang() if where == "source" else item(11, hang)  # type: ignore[arg-type]

    sink = Kept()
    with VisionClient(transport=MemoryTransport(answer), limits=Limits(calls_in_flight=2)) as client:
        run = BulkRun(client, images(), sink, Progress(0.0))
        assert follow(run) is Ending.INTERRUPTED
    assert sink.keys == [str(number) for number in range(8)]


def test_an_interrupt_between_reads_raises_nothing() -> None:
    with VisionClient(transport=MemoryTransport(answer)) as client:
        run = BulkRun(client, items(400), Kept(), Progress(0.0))
        assert follow(run, run.interrupt) is Ending.INTERRUPTED


def test_a_thread_that_reads_ahead_and_hangs_is_not_waited_for() -> None:
    hangs, goes_on = threading.Event(), threading.Event()
    stop = Stop()

    def images() -> Iterator[Item]:
        yield from items(8)
        hangs.set()
        goes_on.wait(SOON_S)

    def stop_when_it_hangs(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        hangs.wait(SOON_S)
        stop.ask()
        return answer(request)

    ran = Ran(images(), stop_when_it_hangs, is_slow=True, stop=stop)
    assert not goes_on.is_set()
    assert ran.ending is Ending.INTERRUPTED
    goes_on.set()


@WAYS
@pytest.mark.parametrize("code", [Code.UNAUTHENTICATED, Code.PERMISSION_DENIED])
def test_a_call_that_is_refused_for_all_ends_the_run_and_costs_nothing(code: Code, *, is_slow: bool) -> None:
    sent: list[int] = []

    def script(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        sent.extend(numbers_of(request))
        if max(sent) >= 64:
            raise ServiceError(code, "not with this key")
        return answer(request)

    budget = Budget(1_000)
    ran = Ran(items(500), script, budget=budget, is_slow=is_slow)
    assert ran.ending is Ending.REFUSED
    assert ran.run.refusal is not None
    assert ran.run.refusal.code is code
    assert ran.numbers == list(range(len(ran.numbers)))
    assert (budget.spent, budget.left) == (len(ran.numbers), 1_000 - len(ran.numbers))
    assert len(set(sent)) < 200
