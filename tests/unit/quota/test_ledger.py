"""The ledger of a shared quota: paced, fair, bounded."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_grpc.quota.ledger import (
    LEAD_S,
    LEASE_S,
    MOST_RESERVATIONS,
    FullError,
    Ledger,
    Reservation,
)
from vision_grpc.quota.pace import SETTLE_S

# Longer than any quota of these tests needs until the first request.
LATER = 100.0
ROUNDING = 1e-9


@dataclass
class World:
    """A ledger, its clock, and clients which ask again as soon as they are granted something."""

    ledger: Ledger
    now: float = 0.0
    clients: dict[str, tuple[int, int]] = field(default_factory=dict)
    granted: list[tuple[float, str, int]] = field(default_factory=list)
    """The time, client and images of each request that was permitted."""

    def ask(self, *names: str, requests: int = 1, images: int = 1) -> None:
        for name in names:
            self.clients[name] = (requests, images)
            self.ledger.reserve(name, requests, images, self.now)

    def leave(self, name: str) -> None:
        del self.clients[name]

    def run(self, seconds: float) -> None:
        ends_at = self.now + seconds
        while (at := self.ledger.next_grant_at(self.now)) is not None and at <= ends_at:
            self.now = at
            self.take(self.ledger.grant(self.now))
        self.now = ends_at

    def take(self, reservations: Iterable[Reservation]) -> None:
        for each in reservations:
            assert 1 <= len(each.times) <= each.requests
            assert all(self.now <= at <= self.now + LEASE_S for at in each.times)
            self.granted += [(at, each.client, each.images) for at in each.times]
            if each.client in self.clients:
                self.ledger.reserve(each.client, *self.clients[each.client], self.now)

    def counts(self) -> Counter[str]:
        return Counter(name for _, name, _ in self.granted)


def most_within_a_second(amounts: Sequence[tuple[float, int]]) -> int:
    """The most that is in any second, which has its start and not its end."""
    amounts = sorted(amounts)
    return max((sum(n for at, n in amounts if begun <= at < begun + 1 - ROUNDING) for begun, _ in amounts), default=0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.integers(1, 9),
        st.integers(1, 8),
        st.sampled_from(["ask", "ask", "ask", "cancel"]),
        st.floats(0, 3),
    ),
    max_size=60,
)


@given(steps=STEPS, rps=st.sampled_from([None, 0.3, 1, 2.5, 7, 20]), ips=st.sampled_from([None, 8, 8.5, 20, 100]))
def test_no_second_has_more_than_the_quota_and_nobody_gets_what_was_not_asked(
    steps: list[tuple[str, int, int, str, float]], rps: float | None, ips: float | None
) -> None:
    if rps is None and ips is None:
        rps = 5
    world = World(Ledger(rps, ips, 0.0))
    waiting: list[Reservation] = []
    requests: list[tuple[float, int]] = []
    images: list[tuple[float, int]] = []
    for client, wished, pictures, action, seconds in steps:
        if action == "ask" or not waiting:
            waiting.append(world.ledger.reserve(client, wished, pictures, world.now))
        else:
            world.ledger.cancel(waiting.pop())
        ends_at = world.now + seconds
        while (at := world.ledger.next_grant_at(world.now)) is not None and at <= ends_at:
            world.now = at
            granted = world.ledger.grant(at)
            assert granted, "it said that there is something to grant"
            for each in granted:
                waiting.remove(each)
                assert 1 <= len(each.times) <= each.requests
                assert all(at <= leaves_at <= at + LEASE_S for leaves_at in each.times)
                requests += [(leaves_at, 1) for leaves_at in each.times]
                images += [(leaves_at, each.images) for leaves_at in each.times]
        world.now = ends_at
    if rps is not None:
        assert most_within_a_second(requests) <= max(1, -(-rps // 1))
        assert all(at >= SETTLE_S + 1 / rps for at, _ in requests)
    if ips is not None:
        assert most_within_a_second(images) <= ips
    usage = world.ledger.usage(world.now)
    assert sum(each.requests for each in usage.clients) == len(requests)
    assert sum(each.images for each in usage.clients) == sum(count for _, count in images)
    assert sum(each.waiting for each in usage.clients) == sum(each.requests for each in waiting)


@given(
    wishes=st.lists(st.tuples(st.integers(1, 20), st.integers(1, 8)), min_size=2, max_size=6),
    rps=st.sampled_from([1.0, 5.0, 20.0]),
)
def test_clients_that_always_wait_get_the_same_number_of_requests(wishes: list[tuple[int, int]], rps: float) -> None:
    world = World(Ledger(rps, None, 0.0), now=LATER)
    for number, (requests, images) in enumerate(wishes):
        world.ask(f"client-{number}", requests=requests, images=images)
    world.run(40 * len(wishes) / rps)
    counts = world.counts()
    assert len(counts) == len(wishes)
    assert max(counts.values()) - min(counts.values()) <= 2


def test_the_quota_is_used() -> None:
    for rps in (0.5, 1.0, 5.0, 20.0, 200.0):
        world = World(Ledger(rps, None, 0.0), now=LATER)
        world.ask("one", "other", requests=50)
        world.run(60)
        assert len(world.granted) >= 0.94 * 60 * rps


def test_a_high_quota_needs_few_answers() -> None:
    world = World(Ledger(100, None, 0.0), now=LATER)
    world.ask("only", requests=100)
    answers = 0
    while world.now < LATER + 10:
        at = world.ledger.next_grant_at(world.now)
        assert at is not None
        world.now = at
        world.take(world.ledger.grant(at))
        answers += 1
    assert answers < 100
    assert len(world.granted) > 900


def test_a_low_quota_is_granted_just_before_its_time() -> None:
    world = World(Ledger(1, None, 0.0), now=LATER)
    world.ask("only", requests=8)
    world.run(10)
    times = [at for at, _, _ in world.granted]
    assert all(1 < later - earlier < 1.1 for earlier, later in pairwise(times))
    reservation = world.ledger.reserve("other", 1, 1, world.now)
    world.leave("only")
    while not reservation.times:
        at = world.ledger.next_grant_at(world.now)
        assert at is not None
        world.now = at
        world.take(world.ledger.grant(at))
    assert reservation.times[0] - world.now == pytest.approx(LEAD_S)


def test_images_are_shared_evenly_where_they_are_limited() -> None:
    world = World(Ledger(None, 40, 0.0), now=LATER)
    world.ask("large", images=8, requests=4)
    world.ask("small", images=1, requests=4)
    world.run(60)
    images = Counter[str]()
    for _, name, count in world.granted:
        images[name] += count
    assert 0.8 < images["large"] / images["small"] < 1.25


@pytest.mark.parametrize("images_per_s", [8, 9.5, 20])
def test_a_client_with_large_batches_does_not_starve_beside_many_with_small_ones(images_per_s: float) -> None:
    world = World(Ledger(None, images_per_s, 0.0), now=LATER)
    world.ask("large", images=8, requests=4)
    world.ask(*(f"small-{number}" for number in range(4)), images=1, requests=50)
    world.run(80)
    assert world.counts()["large"] >= 80 * images_per_s / 5 / 8 * 0.7


def test_a_client_with_many_reservations_gets_no_more_than_another() -> None:
    world = World(Ledger(10, None, 0.0), now=LATER)
    for _ in range(100):
        world.ledger.reserve("many", 100, 1, world.now)
    world.ask("many", "one")
    world.run(20)
    assert world.counts()["one"] >= 0.45 * len(world.granted)


def test_a_client_that_comes_back_gets_no_more_than_its_share() -> None:
    world = World(Ledger(10, None, 0.0), now=LATER)
    world.ask("stays", "comes back", requests=4)
    world.run(10)
    world.leave("comes back")
    world.run(30)
    world.granted.clear()
    world.ask("comes back", requests=4)
    world.run(10)
    assert 0.4 < world.counts()["comes back"] / len(world.granted) < 0.6


def test_nobody_waits_for_ever_while_ever_new_clients_come() -> None:
    world = World(Ledger(10, None, 0.0), now=LATER)
    world.ask("patient")
    world.run(1)
    before = world.counts()["patient"]
    for number in range(600):
        world.ledger.reserve(f"new-{number}", 1, 1, world.now)
        world.ledger.reserve(f"newer-{number}", 1, 1, world.now)
        world.run(0.1)
    # There are about six hundred clients at the end; a request goes to each before the second one to anybody.
    assert world.counts()["patient"] > before


def test_the_share_of_who_went_away_goes_to_the_others() -> None:
    world = World(Ledger(10, None, 0.0), now=LATER)
    gone = world.ledger.reserve("gone", 100, 1, world.now)
    world.ask("here", requests=4)
    world.run(10)
    world.ledger.cancel(gone)
    world.granted.clear()
    world.run(10)
    assert world.counts() == {"here": len(world.granted)}
    assert len(world.granted) >= 94


def test_what_is_granted_cannot_be_cancelled_and_to_cancel_twice_does_nothing() -> None:
    ledger = Ledger(10, None, 0.0)
    granted = ledger.reserve("one", 1, 1, LATER)
    assert ledger.grant(LATER) == [granted]
    waiting = ledger.reserve("one", 1, 1, LATER)
    ledger.cancel(granted)
    assert ledger.next_grant_at(LATER) is not None
    ledger.cancel(waiting)
    ledger.cancel(waiting)
    assert ledger.next_grant_at(LATER) is None


def test_clients_that_must_ask_again_wait_no_longer_for_that() -> None:
    """Of many clients at a low quota each waits longer than the service holds a reservation."""
    world = World(Ledger(0.1, None, 0.0), now=LATER)
    world.ask(*(f"client-{number}" for number in range(6)))
    waiting: list[Reservation] = []
    for step in range(300):
        world.run(1)
        name = f"asks-again-{step % 3}"
        waiting.append(world.ledger.reserve(name, 1, 1, world.now))
        if len(waiting) > 9:
            world.ledger.cancel(waiting.pop(0))
    usage = {each.client: each.requests for each in world.ledger.usage(world.now).clients}
    assert len(usage) == 9
    assert max(usage.values()) - min(usage.values()) <= 1


def test_it_begins_as_if_the_quota_were_used_up() -> None:
    by_requests, by_images = World(Ledger(10, None, 0.0)), World(Ledger(None, 40, 0.0))
    for world in (by_requests, by_images):
        world.ask("eager", requests=100, images=8)
        world.run(SETTLE_S)
        assert not [at for at, _, _ in world.granted if at < SETTLE_S + 0.1]
        world.run(2)
        assert world.granted


def test_the_share_is_that_of_the_clients_that_are_here() -> None:
    ledger = Ledger(10, 40, 0.0)
    assert ledger.share(LATER) == (10, 40)
    waiting = [ledger.reserve(name, 1, 1, LATER) for name in "abcd"]
    assert ledger.share(LATER) == (2.5, 10)
    for each in waiting[:3]:
        ledger.cancel(each)
    assert ledger.share(LATER + 1) == (2.5, 10)
    assert ledger.share(LATER + 60) == (10, 40)
    assert Ledger(None, 40, 0.0).share(LATER) == (None, 40)


@pytest.mark.parametrize(("quota", "most"), [(4, 4), (4.9, 4), (0.5, 1)])
def test_a_request_that_never_fits_is_made_smaller(quota: float, most: int) -> None:
    ledger = Ledger(None, quota, 0.0)
    assert ledger.reserve("one", 1, most, 0.0).images == most
    assert ledger.reserve("one", 1, most + 1, 0.0).images == most


def test_it_holds_so_many_reservations_and_clients_and_no_more() -> None:
    ledger = Ledger(1, None, 0.0)
    for number in range(3 * MOST_RESERVATIONS):
        ledger.cancel(ledger.reserve(f"gone-{number}", 1, 1, number / 1000))
    assert len(ledger.usage(LATER).clients) == MOST_RESERVATIONS
    waiting = [ledger.reserve(f"here-{number}", 1, 1, LATER) for number in range(MOST_RESERVATIONS)]
    with pytest.raises(FullError, match="reservations wait already"):
        ledger.reserve("one more", 1, 1, LATER)
    assert {each.client for each in ledger.usage(LATER).clients} == {each.client for each in waiting}
    ledger.cancel(waiting[0])
    ledger.reserve("one more", 1, 1, LATER)


def test_usage_says_who_takes_what() -> None:
    world = World(Ledger(10, None, 0.0), now=LATER)
    world.ask("batches", images=8, requests=2)
    world.ask("single")
    world.run(30)
    world.leave("single")
    world.run(70)
    usage = world.ledger.usage(world.now)
    first, second = usage.clients
    assert (usage.requests_per_s, usage.images_per_s, usage.up_s) == (10, None, world.now)
    assert (first.client, second.client) == ("batches", "single")
    assert first.images == 8 * first.requests
    assert first.images_per_s == pytest.approx(8 * first.requests_per_s)
    assert 9 < first.requests_per_s < 10.5
    assert first.waiting == 2
    assert second.requests > 100
    assert second.requests_per_s == second.waiting == 0


def test_what_forgotten_clients_took_is_still_counted() -> None:
    world = World(Ledger(10, None, 0.0), now=LATER)
    world.ask("gone", images=3)
    world.run(5)
    world.leave("gone")
    world.run(3600)
    world.ask("new")
    usage = world.ledger.usage(world.now)
    assert [each.client for each in usage.clients] == ["new"]
    assert usage.other_requests == len(world.granted) > 0
    assert usage.other_images == 3 * usage.other_requests
