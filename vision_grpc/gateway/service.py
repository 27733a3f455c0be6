"""The gateway's side of batchAnalyze: each file of a request becomes a call of ocr/v1."""

import asyncio
from collections.abc import Sequence
from functools import partial

from vision_grpc.contract.method import BATCH_ANALYZE
from vision_grpc.errors import ServiceError
from vision_grpc.gateway.backend import Backend
from vision_grpc.gateway.callers import Caller, Callers
from vision_grpc.gateway.dispatcher import Dispatcher
from vision_grpc.gateway.plan import Outcome, Plan, Wish, is_of_the_caller
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.method import Method
from vision_grpc.local.calls.queue import Load
from vision_grpc.local.patience import Patience, last_moment
from vision_grpc.local.service import ServiceStoppingError
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse


class GatewayService:
    """Answers batchAnalyze with what the backend reads. It belongs to the event loop of its faces.

    A caller that names no deadline gets its answer within `answer_s` seconds.
    """

    def __init__(self, backend: Backend, callers: Callers, dispatcher: Dispatcher, *, answer_s: float) -> None:
        self._backend = backend
        self._callers = callers
        self._dispatcher = dispatcher
        self._answer_s = answer_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = False

    @property
    def methods(self) -> list[Method]:
        """BatchAnalyze, as faces serve it."""
        return [Method.of(BATCH_ANALYZE, self.batch_analyze, count_images=_count_images)]

    @property
    def load(self) -> Load:
        """What there is to do."""
        return self._dispatcher.load

    async def batch_analyze(self, request: BatchAnalyzeRequest, call: Call) -> BatchAnalyzeResponse:
        """Return one result per image, in order, to a request that satisfies the constraints of its proto.

        When the caller has left or this is cancelled, calls under way are cancelled, and the others are not made.

        Raises:
            ServiceError: the caller does not say who it is, nothing could be read, or the service is stopping.
        """
        self._loop = asyncio.get_running_loop()
        caller = self._callers.caller(call.metadata, request.folder_id)
        plan = Plan(request)
        if not plan.wishes:
            return plan.response([])
        return plan.response(await self._fulfil(plan.wishes, caller, call))

    def trouble(self) -> str | None:
        """Return why the backend would not answer now, None if it would."""
        return self._backend.trouble()

    def check_open(self) -> None:
        """Raise if calls are no longer answered.

        Raises:
            ServiceStoppingError: the service is closed.
        """
        if self._stopped:
            raise ServiceStoppingError

    def close(self) -> None:
        """End all calls with UNAVAILABLE; those of the backend are cancelled."""
        self._stopped = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._dispatcher.close, ServiceStoppingError)

    async def aclose(self) -> None:
        """End the connection to the backend."""
        await self._backend.aclose()

    async def _fulfil(self, wishes: Sequence[Wish], caller: Caller, call: Call) -> list[Outcome]:
        """Return what came of each wish.

        Raises:
            ServiceError: there is no hope for any.
        """
        until = call.started_at + self._answer_s
        if call.deadline is not None:
            until = min(call.deadline, last_moment(Patience(began_at=call.started_at, deadline=call.deadline)))
        reading = _Reading(len(wishes))

        async def work(number: int, wish: Wish) -> None:
            reading.begun.add(number)
            try:
                reading.note(number, await self._backend.fulfil(wish, caller, until))
            except Exception as error:  # noqa: BLE001 - a bug ends the call, which would wait for ever
                reading.fail(error)

        works = [partial(work, number, wish) for number, wish in enumerate(wishes)]
        ticket = self._dispatcher.enter(works, deadline=until, refuse=reading.refuse)
        try:
            return await reading.outcomes
        finally:
            self._dispatcher.leave(ticket)


class _Reading:
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
    def _has_read(self) -> bool:
        return any(not isinstance(each, ServiceError) for each in self._found.values())


def _count_images(request: BatchAnalyzeRequest) -> int:
    return len(request.analyze_specs)
