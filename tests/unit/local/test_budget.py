"""The bytes of bodies: given to older calls first, never for ever, and given back once."""

import asyncio
import random

import pytest

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.budget import Account, BodyBudget

# Nothing here takes so long.
LONG_S = 60.0


async def settle() -> None:
    """Let the tasks run until they wait for each other."""
    for _ in range(5):
        await asyncio.sleep(0)


def taken(account: Account, count: int) -> Account:
    assert account.take_now(count)
    return account


def test_what_is_free_is_given_at_once() -> None:
    budget = BodyBudget(100)
    first = taken(taken(budget.open(), 60), 40)
    assert (first.held_bytes, budget.held_bytes) == (100, 100)


def test_a_call_gives_back_all_that_it_holds_and_only_once() -> None:
    budget = BodyBudget(100)
    with budget.open() as account:
        taken(account, 70)
        account.give_back(20)
        assert budget.held_bytes == 50
    account.close()
    assert (account.held_bytes, budget.held_bytes) == (0, 0)


@pytest.mark.parametrize("count", [-1, 11])
def test_no_call_gives_back_what_it_does_not_hold(count: int) -> None:
    account = taken(BodyBudget(100).open(), 10)
    with pytest.raises(ValueError, match="cannot give back"):
        account.give_back(count)


def test_a_call_that_has_ended_takes_nothing() -> None:
    account = BodyBudget(100).open()
    account.close()
    with pytest.raises(RuntimeError, match="has ended"):
        account.take_now(1)


def test_one_call_at_a_time_takes_more_than_there_is() -> None:
    budget = BodyBudget(100)
    large = taken(budget.open(), 300)
    taken(large, 300)
    small = budget.open()
    assert not small.take_now(1)
    large.close()
    taken(small, 1)
    taken(budget.open(), 300)
    assert not budget.open().take_now(1)


async def test_calls_wait_a_little_and_are_told_to_come_again() -> None:
    budget = BodyBudget(100, wait_s=0.01)
    holder = taken(budget.open(), 101)
    with budget.open() as late:
        with pytest.raises(ServiceError, match="100 bytes are under way") as caught:
            await late.take(1)
        assert caught.value.code is Code.RESOURCE_EXHAUSTED
        assert caught.value.retry_after_s == 1
        holder.close()
        await late.take(1)
    assert budget.held_bytes == 0


async def test_older_calls_come_first_and_none_overtakes() -> None:
    budget = BodyBudget(100, wait_s=LONG_S)
    older, younger = budget.open(), budget.open()
    holder = taken(budget.open(), 101)
    order: list[str] = []

    async def take(name: str, account: Account, count: int) -> None:
        await account.take(count)
        order.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(take("younger", younger, 1))
        await settle()
        group.create_task(take("older", older, 98))
        await settle()
        holder.give_back(100)
        await settle()
        assert order == ["older", "younger"]
        assert not budget.open().take_now(1)
        holder.close()


async def test_a_small_one_does_not_wait_behind_one_that_gave_up() -> None:
    budget = BodyBudget(100, wait_s=LONG_S)
    holder = taken(budget.open(), 101)
    large, small = budget.open(), budget.open()
    first = asyncio.create_task(large.take(90))
    await settle()
    second = asyncio.create_task(small.take(40))
    await settle()
    holder.give_back(50)
    await settle()
    assert not second.done()
    first.cancel()
    await asyncio.wait([first, second])
    assert first.cancelled()
    assert budget.held_bytes == 91


async def test_what_is_given_to_a_wait_that_was_just_cancelled_is_not_lost() -> None:
    budget = BodyBudget(100, wait_s=LONG_S)
    holder = taken(budget.open(), 101)
    with budget.open() as late:
        task = asyncio.create_task(late.take(10))
        await settle()
        task.cancel()
        holder.close()
        await asyncio.wait([task])
    assert budget.held_bytes == 0


async def test_a_call_that_ends_waits_for_nothing() -> None:
    budget = BodyBudget(100, wait_s=LONG_S)
    taken(budget.open(), 101)
    late = budget.open()
    task = asyncio.create_task(late.take(10))
    await settle()
    late.close()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_many_calls_all_end_within_the_bound() -> None:
    """No two calls wait for each other for ever, and the sum is never over the bound."""
    budget, rng = BodyBudget(1000, wait_s=LONG_S), random.Random(7)  # noqa: S311 - sizes, not secrets
    most = 0

    async def call() -> None:
        nonlocal most
        with budget.open() as account:
            for _ in range(rng.randrange(1, 20)):
                await account.take(rng.randrange(100))
                most = max(most, budget.held_bytes)
                await asyncio.sleep(0)

    async with asyncio.timeout(LONG_S), asyncio.TaskGroup() as group:
        for _ in range(300):
            group.create_task(call())
    assert 1000 < most <= 1000 + 20 * 100
    assert budget.held_bytes == 0
