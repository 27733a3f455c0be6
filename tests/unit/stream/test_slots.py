"""The times that a client keeps for its requests, where it shares a quota of few calls with others."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_grpc.stream.slots import FRAME_S, MOST_FRAMES, Slots

_LATENCY_S = 0.01
_FOR_LONG = 400 * FRAME_S


class _Client:
    """A client whose calls are let through or refused as the test says."""

    def __init__(self, *, wait_s: float | None = None, seed: int = 1) -> None:
        self.slots = Slots(random.Random(seed), 0.0, wait_s)  # noqa: S311 - no secret
        self._wait_s = wait_s
        self.now = 0.0

    def send(self, *, is_refused: bool = False, late_s: float = 0.0) -> float:
        """Send the next request; return when it left."""
        at = self.slots.take(self.now) + late_s
        self.now = at + _LATENCY_S
        if is_refused:
            self.slots.refused(at, self.now, self._wait_s)
        else:
            self.slots.let_through(at, self.now)
        return at

    def contend(self, *, slots: int) -> list[float]:
        """Get through so many times in the first frame, and have the rest of it refused; return when."""
        times = [self.send() for _ in range(slots)]
        while self.slots.next_at(self.now) < times[0] + FRAME_S - 0.1:
            self.send(is_refused=True)
        return times


def test_what_was_let_through_in_the_first_frame_leaves_at_the_same_times_of_the_next_ones() -> None:
    client = _Client()
    times = client.contend(slots=4)
    assert client.slots.per_s == pytest.approx(4 / FRAME_S)
    for frame in (1, 2, 3):
        assert [client.send() for _ in times] == pytest.approx([at + frame * FRAME_S for at in times])


def test_a_client_that_contends_comes_again_when_the_service_says() -> None:
    client = _Client(wait_s=0.75)
    refused_at = client.send(is_refused=True)
    assert 0.75 < client.send() - refused_at < 0.75 + 0.2


@pytest.mark.parametrize("asked_s", [None, 1.0])
def test_a_wait_of_whole_seconds_is_not_believed_to_be_exact(asked_s: float | None) -> None:
    client = _Client(wait_s=asked_s)
    refused_at = client.send(is_refused=True)
    assert client.send() - refused_at < 0.5


@pytest.mark.parametrize("wait_s", [None, 0.05])
def test_a_slot_that_came_a_little_too_early_is_moved(wait_s: float | None) -> None:
    client = _Client(wait_s=wait_s, seed=3)
    [first, *_] = client.contend(slots=3)
    refused_at = client.send(is_refused=True)
    assert refused_at == pytest.approx(first + FRAME_S)
    moved_to = client.send()
    assert 0 < moved_to - refused_at < 0.2
    client.send()
    client.send()
    assert client.send() == pytest.approx(moved_to + FRAME_S)


@pytest.mark.parametrize(("wait_s", "refusals"), [(None, 2), (0.7, 1)])
def test_a_slot_that_belongs_to_another_client_is_given_up(wait_s: float | None, refusals: int) -> None:
    client = _Client(wait_s=wait_s)
    _, second, third = client.contend(slots=3)
    for _ in range(refusals):
        client.send(is_refused=True)
    assert [client.send(), client.send()] == pytest.approx([second + FRAME_S, third + FRAME_S])
    assert client.slots.per_s == pytest.approx(2 / FRAME_S)


def test_a_client_that_loses_its_last_slot_finds_another_and_uses_it_less_often() -> None:
    client = _Client()
    client.contend(slots=1)
    for frames in (2, 4, MOST_FRAMES):
        tries = [client.send(is_refused=True) for _ in range(9)]
        assert max(tries) - min(tries) < 3
        found_at = client.send()
        assert client.slots.per_s == pytest.approx(1 / (frames * FRAME_S))
        assert client.slots.next_at(client.now) == pytest.approx(found_at + frames * FRAME_S)


def test_a_client_without_a_slot_rests_between_its_tries() -> None:
    client = _Client()
    tries = [client.send(is_refused=True)]
    while client.now < 10 * FRAME_S:
        tries.append(client.send(is_refused=True))
    late = [at for at in tries if at > FRAME_S]
    assert len(late) / (late[-1] - late[0]) < 3


def test_a_client_that_is_not_refused_tries_to_get_another_slot_and_grows_ever_faster() -> None:
    client = _Client()
    client.contend(slots=2)
    times = [client.send()]
    while client.slots.per_s < 3 / FRAME_S:
        times.append(client.send())
    assert times[-1] - times[0] > 5 * FRAME_S
    began_at = client.now
    while client.slots.per_s < 1:
        client.send()
    assert client.now - began_at < 6 * FRAME_S


def test_a_slot_of_every_second_frame_becomes_one_of_each_frame() -> None:
    client = _Client()
    client.contend(slots=1)
    for _ in range(2):
        client.send(is_refused=True)
    client.send()
    assert client.slots.per_s == pytest.approx(0.5 / FRAME_S)
    times = [client.send()]
    while client.slots.per_s < 1 / FRAME_S:
        times.append(client.send())
        assert client.now < _FOR_LONG
    *before, grown_at = times
    assert grown_at - before[-1] == pytest.approx(FRAME_S)
    assert all(later - at == pytest.approx(2 * FRAME_S) for at, later in pairwise(before))


def test_a_try_that_is_refused_costs_no_slot_and_is_not_repeated_at_once() -> None:
    client = _Client()
    client.contend(slots=4)
    before, kept = client.slots.per_s, 0
    while client.now < 100 * FRAME_S:
        at = client.slots.next_at(client.now)
        is_try = not any(abs((at - slot.at) % FRAME_S) < 0.001 for slot in client.slots._slots)
        kept += not is_try
        client.send(is_refused=is_try)
    assert client.slots.per_s == before
    assert kept > 350


@pytest.mark.parametrize("is_refused", [False, True])
def test_a_call_that_left_late_says_nothing_about_its_slot(*, is_refused: bool) -> None:
    client = _Client()
    times = client.contend(slots=3)
    client.send(late_s=0.5, is_refused=is_refused)
    assert [client.send(), client.send(), client.send()] == pytest.approx(
        [times[1] + FRAME_S, times[2] + FRAME_S, times[0] + 2 * FRAME_S]
    )


def test_an_attempt_that_left_late_and_was_let_through_has_found_a_slot() -> None:
    client = _Client()
    left_at = client.send(late_s=3.0)
    while client.slots.next_at(client.now) < left_at + FRAME_S - 0.1:
        client.send(is_refused=True)
    assert client.send() == pytest.approx(left_at + FRAME_S)


def test_an_attempt_that_left_late_and_was_refused_is_made_again() -> None:
    client = _Client()
    client.send(late_s=1.0, is_refused=True)
    assert client.slots.next_at(client.now) < client.now + 1


def test_no_time_is_before_the_one_asked_for() -> None:
    client = _Client()
    [at] = client.contend(slots=1)
    for late_s in (1e-9, 1e-7, 1e-6, 1e-5):
        asked_at = at + FRAME_S + late_s
        assert client.slots.next_at(asked_at) >= asked_at
    assert client.slots.next_at(at + FRAME_S) == pytest.approx(at + FRAME_S)


@pytest.mark.parametrize("wait_s", [None, 0.7])
def test_a_client_that_had_many_slots_contends_again_when_a_closed_quota_opens(wait_s: float | None) -> None:
    client = _Client(wait_s=wait_s)
    client.contend(slots=4)
    while client.now < 5 * FRAME_S:
        client.send(is_refused=True)
    opened_at = client.send()
    while client.now < opened_at + FRAME_S / 2:
        client.send()
    before = client.slots.per_s
    assert before > 4 / FRAME_S
    client.send(is_refused=True)
    client.send()
    assert client.slots.per_s == before


def test_a_request_that_did_not_leave_gives_its_time_back() -> None:
    client = _Client()
    client.contend(slots=2)
    at = client.slots.take(client.now)
    client.slots.take(client.now)
    client.slots.refused(at, at + _LATENCY_S, None)
    assert set(client.slots._taken) == set()


def test_a_call_that_left_before_there_were_slots_says_nothing() -> None:
    client = _Client()
    planned = client.slots.next_at(0.0)
    client.slots.refused(-1.0, 0.1, None)
    assert not client.slots.let_through(-0.5, 0.1)
    assert client.slots.next_at(0.0) == planned


_steps = st.lists(
    st.tuples(
        st.floats(0, 20),
        st.sampled_from(["in", "refused", "take"]),
        st.none() | st.floats(0, 100),
        st.integers(0, 5),  # Which of the calls that have left.
        st.floats(0, 1),  # How late it left.
    ),
    max_size=200,
)


@given(steps=_steps, seed=st.integers(0, 5))
def test_times_are_in_order_and_the_rate_is_bounded(
    steps: list[tuple[float, str, float | None, int, float]], seed: int
) -> None:
    slots, now, left = Slots(random.Random(seed), 0.0, None), 0.0, [0.0]  # noqa: S311 - no secret
    for pause, what, asked_s, which, late_s in steps:
        now += pause
        sent_at = min(now, left[-1 - which % len(left)] + late_s)
        if what == "in":
            slots.let_through(sent_at, now)
        elif what == "refused":
            slots.refused(sent_at, now, asked_s)
        else:
            expected = slots.next_at(now)
            left.append(slots.take(now))
            assert now <= left[-1] == expected <= now + MOST_FRAMES * FRAME_S + 200
            assert slots.next_at(now) > left[-1]
        assert 1 / (MOST_FRAMES * FRAME_S) - 1e-9 <= slots.per_s <= 200 / FRAME_S
