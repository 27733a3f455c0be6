"""The gateway's side of batchAnalyze: each file of a request becomes a call of ocr/v1."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from vision_grpc.contract.method import BATCH_ANALYZE
from vision_grpc.gateway.backend import Backend
from vision_grpc.gateway.callers import Caller, Callers
from vision_grpc.gateway.dispatcher import Dispatcher
from vision_grpc.gateway.keeper import Keeper, Request
from vision_grpc.gateway.plan import Outcome, Plan, Wish
from vision_grpc.gateway.reading import Reading
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
        self._keeper = Keeper(backend, dispatcher, keep_s=answer_s) if backend.has_tape else None
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

        When the caller has left or this is cancelled, calls under way are cancelled, and the others are not made. With
        a tape, those under way go on.

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
        """End all calls with UNAVAILABLE; those of the backend are cancelled, unless there is a tape."""
        self._stopped = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end_calls)

    async def aclose(self) -> None:
        """End the connection to the backend, once what is under way for the tape has ended."""
        if self._keeper is not None:
            await self._keeper.settle()
        await self._backend.aclose()

    def _end_calls(self) -> None:
        if self._keeper is not None:
            self._keeper.close()
        else:
            self._dispatcher.close(ServiceStoppingError)

    async def _fulfil(self, wishes: Sequence[Wish], caller: Caller, call: Call) -> list[Outcome]:
        """Return what came of each wish.

        Raises:
            ServiceError: there is no hope for any.
        """
        until = call.started_at + self._answer_s
        if call.deadline is not None:
            until = min(call.deadline, last_moment(Patience(began_at=call.started_at, deadline=call.deadline)))
        reading = Reading(len(wishes))
        leave = self._enter(Request(wishes, caller, call, until), reading)
        try:
            return await reading.outcomes
        finally:
            leave()

    def _enter(self, request: Request, reading: Reading) -> Callable[[], None]:
        """Begin to fulfil the wishes of a call; return what ends that.

        Raises:
            ServiceError: they would wait too long, or the service is stopping.
        """
        if self._keeper is not None:
            return self._keeper.enter(request, reading)

        async def work(number: int, wish: Wish) -> None:
            reading.begun.add(number)
            try:
                reading.note(number, await self._backend.fulfil(wish, request.caller, request.until))
            except Exception as error:  # noqa: BLE001 - a bug ends the call, which would wait for ever
                reading.fail(error)

        works = [partial(work, number, wish) for number, wish in enumerate(request.wishes)]
        ticket = self._dispatcher.enter(works, deadline=request.until, refuse=reading.refuse)
        return partial(self._dispatcher.leave, ticket)


def _count_images(request: BatchAnalyzeRequest) -> int:
    return len(request.analyze_specs)
