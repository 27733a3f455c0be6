"""The Vision service itself: a request in, a response out, over any protocol."""

import math
import threading
from asyncio import wrap_future
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from vision_grpc.contract.method import BATCH_ANALYZE, grpc_path_of, http_rule_of
from vision_grpc.errors import Code, MachineError, ServiceError
from vision_grpc.local.analysis import Analysis
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.method import Method
from vision_grpc.local.calls.queue import FairQueue, Job, Load
from vision_grpc.local.ocr.engine import GivenUpError
from vision_grpc.local.patience import Patience
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.threads import start_thread


class ServiceStoppingError(ServiceError):
    """The call is not answered because the service is stopping."""

    def __init__(self) -> None:
        super().__init__(Code.UNAVAILABLE, "the service is stopping: call again when it is back")


class VisionService:
    """BatchAnalyze on `threads` threads, on which calls take turns; at most `waiting_images` wait for them.

    Raises:
        MachineError: the system has no thread left.
    """

    def __init__(self, analysis: Analysis, *, threads: int, waiting_images: int) -> None:
        self._analysis = analysis
        self._queue = FairQueue(threads=threads, most_waiting=waiting_images)
        self._stopped = False
        try:
            for _ in range(threads):
                start_thread(self._work, "vision-ocr")
        except MachineError:
            self.close()
            raise

    @property
    def load(self) -> Load:
        """What the threads have to do."""
        return self._queue.load

    @property
    def method(self) -> Method:
        """The method as faces serve it."""
        return Method(
            grpc_path_of(BATCH_ANALYZE),
            http_rule_of(BATCH_ANALYZE).post,
            BatchAnalyzeRequest,
            self.batch_analyze,
            count_images=_count_images,
        )

    async def batch_analyze(self, request: BatchAnalyzeRequest, call: Call) -> BatchAnalyzeResponse:
        """Return one result per image, in order, to a request that satisfies the constraints of its proto.

        When the client has left or this is cancelled, images that are being read are given up, and those that have not
        been started are skipped.

        Raises:
            ServiceError: the answer would be too late, the client has left, or the service is stopping.
        """
        reading = _Reading(len(request.analyze_specs))

        def has_left() -> bool:
            return reading.is_over or call.left.is_set()

        patience = Patience(has_left, call.started_at, math.inf if call.deadline is None else call.deadline)
        jobs = [
            reading.job(index, partial(self._analysis.analyze, spec, patience))
            for index, spec in enumerate(request.analyze_specs)
        ]
        ticket = self._queue.enter(jobs, deadline=call.deadline, refuse=reading.fail)
        try:
            results = await wrap_future(reading.results)
            return BatchAnalyzeResponse(results=results)
        finally:
            reading.is_over = True
            self._queue.leave(ticket)

    def check_open(self) -> None:
        """Raise if calls are no longer answered, so that callers do not parse a request in vain.

        Raises:
            ServiceStoppingError: the service is closed.
        """
        if self._stopped:
            raise ServiceStoppingError

    def close(self) -> None:
        """End all calls with UNAVAILABLE; images in progress are given up, and no more are started."""
        self._stopped = True
        self._queue.close(ServiceStoppingError)

    def _work(self) -> None:
        while self._queue.work():
            pass


def _count_images(request: BatchAnalyzeRequest) -> int:
    return len(request.analyze_specs)


class _Reading:
    """The results of one call's images, which come from several threads."""

    def __init__(self, images: int) -> None:
        self.results: Future[list[AnalyzeResult]] = Future()
        self.results.set_running_or_notify_cancel()
        self.is_over = False
        """Whether nobody wants the results any more."""
        self._lock = threading.Lock()
        self._found: dict[int, AnalyzeResult] = {}
        self._images = images

    def job(self, index: int, analyze: Callable[[], AnalyzeResult]) -> Job:
        """Return the job of one image."""

        def read() -> None:
            try:
                self._take(index, analyze())
            except GivenUpError:
                self.fail(ServiceError(Code.CANCELLED, "the client stopped waiting for the answer"))

        return read

    def fail(self, error: ServiceError) -> None:
        """End the call with an error, unless it has ended."""
        with self._lock:
            self.is_over = True
            if not self.results.done():
                self.results.set_exception(error)

    def _take(self, index: int, result: AnalyzeResult) -> None:
        with self._lock:
            self._found[index] = result
            if len(self._found) == self._images and not self.results.done():
                self.results.set_result([self._found[each] for each in range(self._images)])
