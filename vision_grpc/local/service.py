"""The Vision service itself: a request in, a response out, over any protocol."""

import math
import threading
from asyncio import wrap_future
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Generic, TypeVar

from vision_grpc.contract.method import BATCH_ANALYZE, RECOGNIZE
from vision_grpc.errors import Code, MachineError, ServiceError
from vision_grpc.local.analysis import Analysis
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.images import images_of
from vision_grpc.local.calls.method import Method
from vision_grpc.local.calls.queue import FairQueue, Load
from vision_grpc.local.calls.turns import Job
from vision_grpc.local.ocr.engine import GivenUpError
from vision_grpc.local.ocr_v1.deferred import DeferredRecognition
from vision_grpc.local.ocr_v1.operations import Operations
from vision_grpc.local.ocr_v1.recognition import Recognition
from vision_grpc.local.patience import Patience
from vision_grpc.messages import (
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    RecognizeTextRequest,
    RecognizeTextResponse,
)
from vision_grpc.threads import start_thread

_T = TypeVar("_T")


class ServiceStoppingError(ServiceError):
    """The call is not answered because the service is stopping."""

    def __init__(self) -> None:
        super().__init__(Code.UNAVAILABLE, "the service is stopping: call again when it is back")


class VisionService:
    """Both APIs on `threads` threads, on which calls take turns; at most `waiting_images` wait for them.

    Raises:
        MachineError: the system has no thread left.
    """

    def __init__(
        self,
        analysis: Analysis,
        recognition: Recognition,
        operations: Operations,
        *,
        threads: int,
        waiting_images: int,
    ) -> None:
        self._analysis = analysis
        self._recognition = recognition
        self._queue = FairQueue(threads=threads, most_waiting=waiting_images)
        self._deferred = DeferredRecognition(recognition, operations, self._queue)
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
    def methods(self) -> list[Method]:
        """The methods as faces serve them: BatchAnalyze, then those of ocr/v1."""
        return [
            Method.of(BATCH_ANALYZE, self.batch_analyze, count_images=_count_images),
            Method.of(RECOGNIZE, self.recognize, count_images=_count_images, kind="synchronous"),
            *self._deferred.methods,
        ]

    async def batch_analyze(self, request: BatchAnalyzeRequest, call: Call) -> BatchAnalyzeResponse:
        """Return one result per image, in order, to a request that satisfies the constraints of its proto.

        When the client has left or this is cancelled, images that are being read are given up, and those that have not
        been started are skipped.

        Raises:
            ServiceError: the answer would be too late, the client has left, or the service is stopping.
        """
        results = await self._read([partial(self._analysis.analyze, spec) for spec in request.analyze_specs], call)
        return BatchAnalyzeResponse(results=results)

    async def recognize(self, request: RecognizeTextRequest, call: Call) -> Sequence[RecognizeTextResponse]:
        """Return the pages of a file; otherwise as `batch_analyze`.

        Raises:
            ServiceError: the file is not read, or as with `batch_analyze`.
        """
        [pages] = await self._read([partial(self._recognition.recognize, request)], call)
        return pages

    def trouble(self) -> None:
        """Return None: what runs here depends on nothing else."""

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

    async def aclose(self) -> None:
        """Do nothing: the images are read in threads."""

    async def _read(self, images: Sequence[Callable[[Patience], _T]], call: Call) -> list[_T]:
        """Return what each function makes of its image, in order."""
        reading = _Reading[_T](len(images))

        def has_left() -> bool:
            return reading.is_over or call.left.is_set()

        patience = Patience(has_left, call.started_at, math.inf if call.deadline is None else call.deadline)
        jobs = [reading.job(index, partial(read, patience)) for index, read in enumerate(images)]
        ticket = self._queue.enter(jobs, deadline=call.deadline, refuse=reading.fail)
        try:
            return await wrap_future(reading.results)
        finally:
            reading.is_over = True
            self._queue.leave(ticket)

    def _work(self) -> None:
        while self._queue.work():
            pass


def _count_images(request: BatchAnalyzeRequest | RecognizeTextRequest) -> int:
    return len(images_of(request))


class _Reading(Generic[_T]):
    """The results of one call's images, which come from several threads."""

    def __init__(self, images: int) -> None:
        self.results: Future[list[_T]] = Future()
        self.results.set_running_or_notify_cancel()
        self.is_over = False
        """Whether nobody wants the results any more."""
        self._lock = threading.Lock()
        self._found: dict[int, _T] = {}
        self._images = images

    def job(self, index: int, work: Callable[[], _T]) -> Job:
        """Return the job of one image."""

        def read() -> None:
            try:
                self._take(index, work())
            except GivenUpError:
                self.fail(ServiceError(Code.CANCELLED, "the client stopped waiting for the answer"))
            except Exception as error:  # noqa: BLE001 - the call ends with it, the thread does not
                self.fail(error)

        return read

    def fail(self, error: Exception) -> None:
        """End the call with an error, unless it has ended."""
        with self._lock:
            self.is_over = True
            if not self.results.done():
                self.results.set_exception(error)

    def _take(self, index: int, result: _T) -> None:
        with self._lock:
            self._found[index] = result
            if len(self._found) == self._images and not self.results.done():
                self.results.set_result([self._found[each] for each in range(self._images)])
