"""Images that wait: calls take turns, and are refused when an answer would be too late."""

import threading
from collections.abc import Sequence

import pytest

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.queue import FairQueue
from vision_grpc.local.calls.turns import Ticket
from vision_grpc.local.service import ServiceStoppingError


class Clock:
    """A clock that goes on while images are read, and only then."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Service:
    """A queue whose images take the time that they are given, and whose threads work when they are told."""

    def __init__(self, *, threads: int = 1, most_waiting: int = 1000) -> None:
        self.clock = Clock()
        self.queue = FairQueue(threads=threads, most_waiting=most_waiting, clock=self.clock)
        self.read: list[str] = []
        self.refused: dict[str, ServiceError] = {}

    def call(self, name: str, images: int = 1, *, within_s: float | None = None, image_s: float = 1.0) -> Ticket:
        def read() -> None:
            self.read.append(name)
            self.clock.now += image_s

        deadline = None if within_s is None else self.clock.now + within_s
        return self.queue.enter(
            [read] * images, deadline=deadline, refuse=lambda error: self.refused.update({name: error})
        )

    def defer(self, name: str, pages: int = 1) -> None:
        self.queue.enter_deferred(
            [lambda: self.read.append(name)] * pages, refuse=lambda error: self.refused.update({name: error})
        )

    def work(self, images: int = 1) -> list[str]:
        """Read images, and return those of all that have been read."""
        for _ in range(images):
            assert self.queue.work()
        return self.read

    def learn(self, image_s: float = 1.0) -> None:
        self.call("first", image_s=image_s)
        self.work()
        self.read.clear()


def test_calls_take_turns() -> None:
    service = Service()
    for name in "abc":
        service.call(name, 3)
    assert "".join(service.work(9)) == "abcabcabc"


def test_a_new_call_waits_for_one_image_of_each_other_at_most() -> None:
    service = Service()
    for name in "abcd":
        service.call(name, 8)
    service.work(6)
    service.call("small")
    assert service.work(4)[6:].index("small") <= 3


def test_a_long_call_is_not_held_up_by_short_ones_that_keep_coming() -> None:
    service = Service()
    service.call("long", 8)
    for _ in range(60):
        service.call("short")
        service.work()
    assert service.read.count("long") == 8


def test_a_call_that_left_is_forgotten_at_once() -> None:
    service = Service()
    ticket = service.call("gone", 8)
    service.call("other", 2)
    service.work()
    service.queue.leave(ticket)
    service.queue.leave(ticket)
    assert service.queue.load.images_waiting == 2
    assert service.work(2) == ["gone", "other", "other"]
    service.call("next")
    assert service.work()[-1] == "next"


def test_a_full_queue_refuses_at_once_and_says_when_to_come_again() -> None:
    service = Service(threads=2, most_waiting=10)
    service.learn(2.0)
    service.call("a", 8)
    with pytest.raises(ServiceError, match="8 images wait to be read, and 10 may") as caught:
        service.call("b", 3)
    assert caught.value.code is Code.RESOURCE_EXHAUSTED
    # Eight images of two seconds on two threads.
    assert caught.value.retry_after_s == 8
    service.call("c", 2)
    service.work(10)
    service.call("b", 3)


def test_a_call_alone_is_let_in_whatever_its_size() -> None:
    service = Service(most_waiting=0)
    service.call("a", 8)
    assert service.work(8) == ["a"] * 8


def test_a_call_is_refused_if_its_answer_would_be_too_late() -> None:
    service = Service()
    service.learn()
    service.call("a", 4)
    with pytest.raises(ServiceError, match="4 images are read before, so that an answer would be too late"):
        service.call("b", 4, within_s=7.9)
    service.call("b", 4, within_s=20)
    # A small one does not wait for all images of the larger ones.
    service.call("c", 1, within_s=4)
    with pytest.raises(ServiceError):
        service.call("d", 1, within_s=3.9)


def test_a_call_is_refused_if_it_would_make_others_late() -> None:
    service = Service()
    service.learn()
    service.call("a", 4, within_s=5.5)
    with pytest.raises(ServiceError):
        service.call("b", within_s=60)
    service.work()
    with pytest.raises(ServiceError):
        service.call("b", within_s=60)
    service.work(3)
    service.call("b", within_s=60)


def test_a_call_that_need_not_wait_is_let_in_however_hurried() -> None:
    service = Service(threads=2)
    service.learn(10.0)
    service.call("a", within_s=0.1)
    service.call("b", within_s=0.1)
    with pytest.raises(ServiceError):
        service.call("c", within_s=0.1)


def test_a_hurried_call_that_is_alone_does_not_keep_others_away() -> None:
    service = Service()
    service.learn()
    service.call("hurried", 8, within_s=2)
    service.call("patient", within_s=60)


def test_callers_that_do_not_say_how_long_they_wait_are_let_in_until_the_queue_is_full() -> None:
    service = Service(most_waiting=100)
    service.learn(1000)
    for number in range(100):
        service.call(str(number))
    with pytest.raises(ServiceError, match="100 images wait"):
        service.call("late")


def test_a_call_does_not_wait_for_those_that_come_later() -> None:
    service = Service()
    service.learn()
    service.call("a", within_s=1.5)
    service.call("b", within_s=60)
    assert service.work(2) == ["a", "b"]


def test_before_the_first_image_all_are_let_in_and_the_latest_leave_when_its_time_is_known() -> None:
    service = Service()
    for number in range(400):
        service.call(str(number), within_s=5)
    service.work()
    assert len(service.refused) >= 394
    assert {error.code for error in service.refused.values()} == {Code.RESOURCE_EXHAUSTED}
    stayed = [str(number) for number in range(1, 400) if str(number) not in service.refused]
    assert stayed == ["1", "2", "3", "4"][: len(stayed)]
    assert len(stayed) >= 2
    assert service.work(len(stayed))[1:] == stayed
    assert service.queue.load.images_waiting == 0


def test_images_of_calls_that_left_teach_nothing() -> None:
    service = Service()
    service.learn()
    ticket = service.call("gone", image_s=0)
    service.queue.leave(ticket)

    def leave_while_read() -> None:
        service.clock.now += 50
        service.queue.leave(tickets.pop())

    tickets = [service.queue.enter([leave_while_read], deadline=None, refuse=lambda _: None)]
    service.work()
    assert service.queue.load == (0, 0, 1.0, 0)


def test_deferred_files_wait_for_all_others() -> None:
    service = Service()
    service.defer("d", 3)
    service.work()
    service.call("a", 2)
    service.call("b")
    assert "".join(service.work(5)) == "dabadd"


def test_deferred_files_take_turns_with_each_other() -> None:
    service = Service()
    service.defer("a", 3)
    service.defer("b", 2)
    assert "".join(service.work(5)) == "ababa"


def test_deferred_files_come_to_an_end_however_many_others_keep_coming() -> None:
    service = Service()
    service.defer("deferred", 3)
    for _ in range(30):
        service.call("call")
        service.work()
    assert service.read.count("deferred") == 3


def test_deferred_files_let_no_call_be_refused_and_teach_nothing_about_them() -> None:
    service = Service(most_waiting=1)
    service.learn()
    service.defer("deferred", 1000)
    service.call("a", within_s=1)
    service.work(9)
    load = service.queue.load
    assert (load.images_waiting, load.image_s, load.deferred_waiting) == (0, 1.0, 992)


def test_a_closed_queue_refuses_those_inside_and_those_that_come() -> None:
    service = Service()
    service.call("a", 2)
    service.defer("d", 2)
    service.queue.close(ServiceStoppingError)
    assert isinstance(service.refused["a"], ServiceStoppingError)
    assert isinstance(service.refused["d"], ServiceStoppingError)
    with pytest.raises(ServiceStoppingError):
        service.defer("e")
    with pytest.raises(ServiceStoppingError):
        service.call("b")
    assert not service.queue.work()


def run(queue: FairQueue, threads: int) -> Sequence[threading.Thread]:
    def work() -> None:
        while queue.work():
            pass

    started = [threading.Thread(target=work) for _ in range(threads)]
    for thread in started:
        thread.start()
    return started


def test_many_threads_do_each_image_once() -> None:
    queue = FairQueue(threads=4, most_waiting=10_000)
    threads, done, lock = run(queue, 4), [0] * 600, threading.Lock()
    all_done = threading.Event()
    refusals: list[ServiceError] = []

    def job(number: int) -> None:
        with lock:
            done[number] += 1
            if sum(done) == len(done):
                all_done.set()

    for start in range(0, 600, 3):
        jobs = [lambda number=number: job(number) for number in range(start, start + 3)]
        queue.enter(jobs, deadline=None, refuse=refusals.append)
    assert all_done.wait(60)
    assert refusals == []
    # A thread may not have noted yet that its last job is done: that call may be refused now.
    queue.close(ServiceStoppingError)
    for thread in threads:
        thread.join()
    assert done == [1] * 600
    assert queue.load[:2] == (0, 0)
