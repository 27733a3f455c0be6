"""The turns of images at the backend, on an event loop and without a backend."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from vision_grpc.errors import Code, ServiceError
from vision_grpc.gateway.dispatcher import Dispatcher, Work

WAIT_S = 20.0


class Bench:
    """Works that end when they are told to."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.cancelled: list[str] = []
        self.let_go: dict[str, asyncio.Event] = {}

    def works(self, name: str, images: int) -> list[Work]:
        return [partial(self._work, f"{name}{number}") for number in range(images)]

    async def _work(self, name: str) -> None:
        self.begun.append(name)
        self.let_go[name] = asyncio.Event()
        try:
            await self.let_go[name].wait()
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - what changes has no event
            await asyncio.sleep(0)


def refuse(error: ServiceError) -> None:
    raise error


async def test_calls_take_turns_and_no_more_are_under_way_than_may_be() -> None:
    bench, dispatcher = Bench(), Dispatcher(most=2, per_s=None, most_waiting=100)
    for name in "ab":
        dispatcher.enter(bench.works(name, 3), deadline=None, refuse=refuse)
    await until(lambda: len(bench.begun) == 2)
    for done in range(6):
        assert dispatcher.load.images_in_progress == min(2, 6 - done)
        bench.let_go[bench.begun[done]].set()
        await until(lambda done=done: len(bench.begun) == min(6, done + 3))  # type: ignore[misc]
        await until(lambda done=done: dispatcher.load.images_in_progress == min(2, 5 - done))  # type: ignore[misc]
    # The first call had both places to itself before the second came.
    assert bench.begun[:2] == ["a0", "a1"]
    assert sorted(bench.begun[2:4]) == ["a2", "b0"]
    assert bench.begun[4:] == ["b1", "b2"]


async def test_a_call_that_leaves_cancels_what_is_under_way_and_makes_room() -> None:
    bench, dispatcher = Bench(), Dispatcher(most=1, per_s=None, most_waiting=100)
    left = dispatcher.enter(bench.works("a", 3), deadline=None, refuse=refuse)
    dispatcher.enter(bench.works("b", 1), deadline=None, refuse=refuse)
    await until(lambda: bench.begun == ["a0"])
    dispatcher.leave(left)
    await until(lambda: bench.begun == ["a0", "b0"])
    assert bench.cancelled == ["a0"]
    dispatcher.leave(left)


async def test_a_quota_is_shared_by_calls_in_turn() -> None:
    bench, dispatcher = Bench(), Dispatcher(most=8, per_s=50, most_waiting=100)
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    dispatcher.enter(bench.works("a", 4), deadline=None, refuse=refuse)
    dispatcher.enter(bench.works("b", 1), deadline=None, refuse=refuse)
    await until(lambda: len(bench.begun) == 5)
    assert bench.begun.index("b0") <= 2
    assert loop.time() - began_at >= 4 / 50


async def test_a_call_that_would_come_too_late_behind_others_is_told_when_to_come_again() -> None:
    bench, dispatcher = Bench(), Dispatcher(most=8, per_s=1, most_waiting=100)
    now = asyncio.get_running_loop().time()
    dispatcher.enter(bench.works("a", 8), deadline=None, refuse=refuse)
    with pytest.raises(ServiceError) as refused:
        dispatcher.enter(bench.works("b", 1), deadline=now + 2, refuse=refuse)
    assert refused.value.code is Code.RESOURCE_EXHAUSTED
    assert refused.value.retry_after_s is not None


async def test_a_call_that_waits_for_no_other_is_let_in_however_slow_the_quota_is() -> None:
    bench, dispatcher = Bench(), Dispatcher(most=8, per_s=1, most_waiting=100)
    dispatcher.enter(bench.works("a", 8), deadline=asyncio.get_running_loop().time() + 2, refuse=refuse)
    await until(lambda: bench.begun == ["a0"])


async def test_the_end_refuses_what_waits() -> None:
    bench, dispatcher = Bench(), Dispatcher(most=1, per_s=None, most_waiting=100)
    refused: list[ServiceError] = []
    dispatcher.enter(bench.works("a", 2), deadline=None, refuse=refused.append)
    dispatcher.close(lambda: ServiceError(Code.UNAVAILABLE, "stopping"))
    assert [error.message for error in refused] == ["stopping"]
    with pytest.raises(ServiceError, match="stopping"):
        dispatcher.enter(bench.works("b", 1), deadline=None, refuse=refuse)
