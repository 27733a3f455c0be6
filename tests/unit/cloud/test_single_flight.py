import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from vision_grpc.cloud.single_flight import LONGEST_S, Flight, SingleFlight
from vision_grpc.errors import MachineError


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def go_on() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def _flights(clock: Callable[[], float]) -> SingleFlight[bool]:
    return SingleFlight("test", clock)


def test_an_outcome_is_there_for_threads_and_loops(go_on: threading.Event) -> None:
    flight = _flights(_Clock()).start(go_on.wait)
    flight.wait(0)
    asyncio.run(flight.wait_async(0))
    assert not flight.done
    go_on.set()
    asyncio.run(flight.wait_async(20))
    flight.wait(20)
    assert flight.result()


def test_what_hangs_gives_way_and_ever_later_while_that_goes_on(go_on: threading.Event) -> None:
    clock = _Clock()
    flights = _flights(clock)
    waits: list[float] = []
    for _ in range(7):
        flight, began = flights.start(go_on.wait), clock.now
        assert flights.under_way is flight
        waits.append(flights.left_s)
        clock.now = began + flights.left_s - 0.1
        assert flights.under_way is flight
        clock.now = began + waits[-1]
        assert flights.under_way is None
    assert waits == [LONGEST_S * times for times in (1, 2, 4, 8, 16, 16, 16)]
    go_on.set()
    flight.wait(20)
    flights.start(go_on.wait)
    assert flights.left_s == LONGEST_S


def test_without_a_thread_nothing_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    flights = _flights(_Clock())

    def refuse(_: threading.Thread) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(MachineError):
            flights.start(bool)
    assert flights.under_way is None
    flight: Flight[bool] = flights.start(bool)
    flight.wait(20)
    assert flight.result() is False


def test_a_bug_is_for_those_who_wait_and_for_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def work() -> bool:
        raise KeyError

    flight = _flights(_Clock()).start(work)
    asyncio.run(flight.wait_async(20))
    with pytest.raises(KeyError):
        flight.result()
    (record,) = [record for record in caplog.records if record.name == "vision_grpc.cloud"]
    assert record.exc_info is not None
    assert record.exc_info[0] is KeyError
