"""What has come of the images of one call."""

import asyncio

from vision_grpc.errors import ServiceError
from vision_grpc.gateway.plan import Outcome, is_of_the_caller
from vision_grpc.local.service import ServiceStoppingError


class Reading:
    """What has come of the wishes of one call so far."""

    def __init__(self, wishes: int) -> None:
        self.begun: set[int] = set()
        self.outcomes: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._wishes = wishes
        self._found: dict[int, Outcome] = {}

    def note(self, number: int, outcome: Outcome) -> None:
        """Take what came of a wish."""
        self._found[number] = outcome
        if self.outcomes.done():
            return
        if isinstance(outcome, ServiceError) and is_of_the_caller(outcome) and not self._has_read:
            # The others would be refused as well.
            self.fail(outcome)
        elif len(self._found) == self._wishes:
            self.outcomes.set_result([self._found[each] for each in range(self._wishes)])

    def refuse(self, error: ServiceError) -> None:
        """Take that nothing more will be begun; what is under way is billed, and awaited."""
        if isinstance(error, ServiceStoppingError):
            self.fail(error)
            return
        for number in range(self._wishes):
            if number not in self.begun:
                self.note(number, error)

    def fail(self, error: Exception) -> None:
        """End the call with an error, unless it has ended."""
        if not self.outcomes.done():
            self.outcomes.set_exception(error)

    @property
    def missing(self) -> list[int]:
        """The wishes of which nothing has come."""
        return [number for number in range(self._wishes) if number not in self._found]

    @property
    def _has_read(self) -> bool:
        return any(not isinstance(each, ServiceError) for each in self._found.values())
