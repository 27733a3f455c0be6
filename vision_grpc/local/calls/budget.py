"""The bytes that the bodies of all calls may take together, as they come and after gzip."""

import asyncio
import itertools
from bisect import insort
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

from vision_grpc.errors import Code, ServiceError

_WAIT_S = 1.0


class _Wait(NamedTuple):
    account: "Account"
    wanted: int
    given: asyncio.Future[None]


class BodyBudget:
    """Gives bytes to the bodies of calls, to older calls first. It belongs to one event loop.

        with budget.open() as account:
            await account.take(len(chunk))

    One call at a time may take more than is free. So a valid request of any size is read some day, and calls that
    hold what the others wait for come to an end. All bodies take at most `total_bytes` and one largest request.
    """

    def __init__(self, total_bytes: int, *, wait_s: float = _WAIT_S) -> None:
        self.total_bytes = total_bytes
        self.held_bytes = 0
        """What all calls hold now."""
        self._wait_s = wait_s
        self._ages = itertools.count()
        self._waits: list[_Wait] = []
        self._unlimited: Account | None = None

    def open(self) -> "Account":
        """Return the account of a new call, which holds nothing yet."""
        return Account(self, next(self._ages))

    def take_now(self, account: "Account", count: int) -> bool:
        """Give bytes to an account unless they are not free or an older call waits; return whether it has them."""
        # The unlimited one waits for nobody: others may wait for what it holds.
        if account is not self._unlimited and self._waits and self._waits[0].account.age < account.age:
            return False
        return self._give(account, count)

    async def wait(self, account: "Account", count: int) -> None:
        """Give bytes to an account as soon as they are free.

        Raises:
            ServiceError: RESOURCE_EXHAUSTED, for they are not free in time; the client may send again later.
        """
        wait = _Wait(account, count, asyncio.get_running_loop().create_future())
        insort(self._waits, wait, key=_age)
        try:
            async with asyncio.timeout(self._wait_s):
                await wait.given
        except TimeoutError:
            message = f"requests of {self.total_bytes:,} bytes are under way, which is the limit"
            raise ServiceError(Code.RESOURCE_EXHAUSTED, message, retry_after_s=_WAIT_S) from None
        finally:
            self._drop_waits(lambda each: each is wait)

    def give_back(self, account: "Account", count: int) -> None:
        """Take bytes from an account, and give them to those that wait."""
        self.held_bytes -= count
        account.held_bytes -= count
        self._serve()

    def close(self, account: "Account") -> None:
        """Take all from an account, which asks for no more; what waits for it is cancelled."""
        for wait in self._waits:
            if wait.account is account:
                wait.given.cancel()
        self._drop_waits(lambda each: each.account is account)
        if self._unlimited is account:
            self._unlimited = None
        self.give_back(account, account.held_bytes)

    def _give(self, account: "Account", count: int) -> bool:
        if self.held_bytes + count > self.total_bytes and account is not self._unlimited:
            if self._unlimited is not None:
                return False
            self._unlimited = account
        self.held_bytes += count
        account.held_bytes += count
        return True

    def _serve(self) -> None:
        # A wait that has just timed out or is cancelled is still in the list until its task runs.
        while self._waits and (
            self._waits[0].given.done() or self._give(self._waits[0].account, self._waits[0].wanted)
        ):
            given = self._waits.pop(0).given
            if not given.done():
                given.set_result(None)

    def _drop_waits(self, is_over: Callable[[_Wait], bool]) -> None:
        self._waits = [wait for wait in self._waits if not is_over(wait)]
        # The next ones may want less.
        self._serve()


class Account:
    """What one call holds of a budget."""

    def __init__(self, budget: BodyBudget, age: int) -> None:
        self.age = age
        """Smaller for older calls."""
        self.held_bytes = 0
        self._budget = budget
        self._closed = False

    def take_now(self, count: int) -> bool:
        """Take bytes, unless they are not free or an older call waits for some; return whether they were taken."""
        if self._closed:
            message = "the call has ended and takes no more bytes"
            raise RuntimeError(message)
        return self._budget.take_now(self, count)

    async def take(self, count: int) -> None:
        """Take bytes; where they are not free, wait a little for those of other calls.

        Raises:
            ServiceError: RESOURCE_EXHAUSTED, for other calls gave back too little; the client may send again later.
        """
        if not self.take_now(count):
            await self._budget.wait(self, count)

    def give_back(self, count: int) -> None:
        """Give back some of the bytes, such as those of a body that has been inflated."""
        if not 0 <= count <= self.held_bytes:
            message = f"the call holds {self.held_bytes} bytes and cannot give back {count}"
            raise ValueError(message)
        self._budget.give_back(self, count)

    def close(self) -> None:
        """Give back all that is left. Closing again does nothing."""
        self._closed = True
        self._budget.close(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _age(wait: _Wait) -> int:
    return wait.account.age
