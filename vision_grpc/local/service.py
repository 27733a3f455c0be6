"""The Vision service itself: a request in, a response out, over any protocol."""

from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from functools import partial
from typing import Any

from vision_grpc.contract.rules import validate
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.analysis import Analysis
from vision_grpc.local.ocr.engine import GivenUpError
from vision_grpc.local.patience import Patience
from vision_grpc.messages import AnalyzeResult, AnalyzeSpec, BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.threads import DaemonThreads

_ENDLESS = Patience()


class ServiceStoppingError(ServiceError):
    """The call is not answered because the service is stopping."""

    def __init__(self) -> None:
        super().__init__(Code.UNAVAILABLE, "the service is stopping: call again when it is back")


class VisionService:
    """BatchAnalyze on `threads` threads. The images of all calls share them, first come, first served."""

    def __init__(self, analysis: Analysis, *, threads: int) -> None:
        self._analysis = analysis
        self._threads = DaemonThreads("vision-ocr", count=threads)
        self._stopped: Future[None] = Future()

    def batch_analyze(self, request: BatchAnalyzeRequest, patience: Patience = _ENDLESS) -> BatchAnalyzeResponse:
        """Return one result per image, in order; blocks until the last is done.

        When the client has left, images that are being read are given up, and those that have not been started are
        skipped.

        Raises:
            InvalidRequestError: the request violates a constraint of the protos.
            ServiceError: the client has left, or the service is stopping.
        """
        validate(request)
        images = [self._threads.submit(partial(self._process, spec, patience)) for spec in request.analyze_specs]
        self._wait(images)
        try:
            return BatchAnalyzeResponse(results=[image.result() for image in images])
        except CancelledError as error:
            if self._stopped.done():
                raise ServiceStoppingError from error
            message = "the client stopped waiting for the answer"
            raise ServiceError(Code.CANCELLED, message) from error

    def check_open(self) -> None:
        """Raise if calls are no longer answered, so that callers do not parse a request in vain.

        Raises:
            ServiceStoppingError: the service is closed.
        """
        if self._stopped.done():
            raise ServiceStoppingError

    def close(self) -> None:
        """End all calls with UNAVAILABLE; images in progress are given up, and no more are started."""
        self._stopped.set_result(None)
        self._threads.end()

    def _wait(self, images: Iterable[Future[AnalyzeResult]]) -> None:
        waiting: set[Future[Any]] = set(images)
        while waiting:
            done, _ = wait({*waiting, self._stopped}, return_when=FIRST_COMPLETED)
            waiting -= done
            if waiting and self._stopped in done:
                raise ServiceStoppingError

    def _process(self, spec: AnalyzeSpec, patience: Patience) -> AnalyzeResult:
        def has_left() -> bool:
            return self._stopped.done() or patience.has_left()

        try:
            return self._analysis.analyze(spec, patience._replace(has_left=has_left))
        except GivenUpError as error:
            raise CancelledError from error
