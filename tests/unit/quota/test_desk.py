"""A desk hands out permits on an event loop."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from vision_grpc.errors import Code, InvalidRequestError, ServiceError
from vision_grpc.quota import desk as desk_module
from vision_grpc.quota.desk import Desk
from vision_grpc.quota.pace import SETTLE_S


class Clock:
    """A clock that is set by hand; the event loop's own moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def open_desk(clock: Callable[[], float], requests_per_s: float | None = 10, images_per_s: float | None = None) -> Desk:
    """A desk that has been open for long."""
    desk = Desk(requests_per_s, images_per_s, clock=clock)
    if isinstance(clock, Clock):
        clock.now += 100 * SETTLE_S
    return desk


async def test_permits_come_as_long_before_their_time_as_they_say(clock: Clock) -> None:
    desk = open_desk(clock)
    first = await desk.reserve("one", 5, 1)
    assert first.waits_s == pytest.approx([0, 0.105, 0.21])
    assert first.held_s == 0
    assert (first.requests_per_s, first.images_per_s) == (10, None)


async def test_a_turn_comes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision_grpc.quota.pace.SETTLE_S", 0.3)
    desk = Desk(1000)
    asked = asyncio.get_running_loop().time()
    answer = await desk.reserve("one", 1, 1)
    waited = asyncio.get_running_loop().time() - asked
    assert 0.15 < answer.held_s <= waited
    assert answer.held_s + answer.waits_s[0] >= 0.29


@pytest.mark.parametrize(("late_s", "is_frozen"), [(0.5, False), (1.5, True), (3600.0, True)])
async def test_a_desk_that_was_frozen_grants_nothing_for_a_moment(
    clock: Clock, late_s: float, *, is_frozen: bool
) -> None:
    desk = open_desk(clock, 1)
    assert await desk.reserve("one", 1, 1)
    waits = asyncio.ensure_future(desk.reserve("one", 1, 1))
    await asyncio.sleep(0)
    clock.now += 0.95 + late_s  # The client was to be granted a request 0.1 s before 1.05 s.
    answer = asyncio.ensure_future(desk.reserve("two", 1, 1))
    await asyncio.sleep(0)
    for each in (waits, answer):
        each.cancel()
    await asyncio.gather(waits, answer, return_exceptions=True)
    usage = desk.usage()
    assert sum(each.requests for each in usage.clients) == (1 if is_frozen else 2)


async def test_a_question_for_nothing_is_answered_at_once(clock: Clock) -> None:
    answer = await Desk(10, 40, clock=clock).reserve("one", 0, 0)
    assert answer == ((), 0, 10, 40, 0)


async def test_who_waits_too_long_is_to_ask_again(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "HOLD_S", 0.01)
    desk = Desk(0.001, clock=clock)
    assert (await desk.reserve("one", 1, 1)).waits_s == []
    assert desk.usage().clients[0].waiting == 0


async def test_who_went_away_gets_nothing(clock: Clock) -> None:
    desk = open_desk(clock, 1)
    await desk.reserve("one", 1, 1)
    waiting = [asyncio.create_task(desk.reserve(name, 1, 1)) for name in ("gone", "here")]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    clock.now += 1
    third = asyncio.create_task(desk.reserve("third", 1, 1))
    assert (await waiting[1]).waits_s == pytest.approx([0.05])
    assert {each.client: each.requests for each in desk.usage().clients if each.requests} == {"one": 1, "here": 1}
    assert waiting[0].cancelled()
    third.cancel()


async def test_those_who_wait_when_it_closes_go_on_without(clock: Clock) -> None:
    desk = Desk(0.1, clock=clock)
    waiting = [asyncio.create_task(desk.reserve(name, 1, 1)) for name in "abc"]
    await asyncio.sleep(0)
    desk.close()
    desk.close()
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(result, ServiceError)
        assert result.code is Code.UNAVAILABLE
    with pytest.raises(ServiceError, match="stopping"):
        await desk.reserve("late", 1, 1)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("", 1, 1), "client: must be a name of 1 to 100 printable characters"),
        (("x" * 101, 1, 1), "client: must be a name"),
        (("line\nend", 1, 1), "client: must be a name"),
        (("one", -1, 1), "requests: is -1, must be 0 to 1000"),
        (("one", 1001, 1), "requests: is 1001"),
        (("one", 1, 0), "images: is 0, must be 1 to 1000"),
        (("one", 1, 10**9), "images: is 1000000000"),
        (("", 2000, 0), "client: .*; requests: .*; images: "),
    ],
)
async def test_nonsense_is_refused(clock: Clock, arguments: tuple[str, int, int], complaint: str) -> None:
    desk = open_desk(clock, 10, 40)
    with pytest.raises(InvalidRequestError, match=complaint):
        await desk.reserve(*arguments)
    assert desk.usage().clients == []


async def test_requests_are_made_smaller_that_never_fit(clock: Clock) -> None:
    desk = open_desk(clock, 10, 4.5)
    assert (await desk.reserve("one", 1, 8)).images == 4


async def test_too_many_are_refused(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision_grpc.quota.ledger.MOST_RESERVATIONS", 2)
    desk = Desk(0.1, clock=clock)
    waiting = [asyncio.create_task(desk.reserve(name, 1, 1)) for name in "ab"]
    await asyncio.sleep(0)
    with pytest.raises(ServiceError, match="2 reservations wait already") as refused:
        await desk.reserve("c", 1, 1)
    assert refused.value.code is Code.RESOURCE_EXHAUSTED
    desk.close()
    await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.parametrize(
    ("quota", "error"),
    [
        ({}, ValueError),
        ({"requests_per_s": 0}, ValueError),
        ({"images_per_s": -1}, ValueError),
        ({"requests_per_s": float("nan")}, ValueError),
        ({"requests_per_s": float("inf")}, ValueError),
        ({"requests_per_s": True}, TypeError),
        ({"images_per_s": "10"}, TypeError),
    ],
)
def test_a_quota_is_a_number_above_0(quota: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=r"requests_per_s|images_per_s"):
        Desk(**quota)
