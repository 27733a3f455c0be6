"""The Vision service itself: a request in, a response out, over any protocol."""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from functools import partial
from typing import Any

from vision_grpc.config import Limits
from vision_grpc.contract.image_header import check_image
from vision_grpc.contract.rules import validate
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.failure import describe_bug
from vision_grpc.local.ocr.engine import (
    GivenUpError,
    OcrEngine,
    Picture,
    RecognitionError,
    UnreadableImageError,
    UnsupportedTextError,
    damaged,
)
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureResult,
    Status,
)
from vision_grpc.threads import DaemonThreads

_log = logging.getLogger(__name__)


class ServiceStoppingError(ServiceError):
    """The call is not answered because the service is stopping."""

    def __init__(self) -> None:
        super().__init__(Code.UNAVAILABLE, "the service is stopping: call again when it is back")


class VisionService:
    """BatchAnalyze on `threads` threads. The images of all calls share them, first come, first served."""

    def __init__(self, engine: OcrEngine, *, threads: int, limits: Limits) -> None:
        self._engine = engine
        self._limits = limits
        self._threads = DaemonThreads("vision-ocr", count=threads)
        self._stopped: Future[None] = Future()

    def batch_analyze(
        self, request: BatchAnalyzeRequest, *, abandoned: Callable[[], bool] = lambda: False
    ) -> BatchAnalyzeResponse:
        """Return one result per image, in order; blocks until the last is done.

        When `abandoned` becomes true, images that are being read are given up, and those that have not been started
        are skipped.

        Raises:
            InvalidRequestError: the request violates a constraint of the protos.
            ServiceError: the call was abandoned, or the service is stopping.
        """
        validate(request)
        images = [self._threads.submit(partial(self._process, spec, abandoned)) for spec in request.analyze_specs]
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

    def _process(self, spec: AnalyzeSpec, abandoned: Callable[[], bool]) -> AnalyzeResult:
        def give_up() -> bool:
            return self._stopped.done() or abandoned()

        if give_up():
            raise CancelledError
        try:
            return self._analyze(spec, give_up)
        except GivenUpError as error:
            raise CancelledError from error
        except Exception as error:  # noqa: BLE001 - a bug fails one image, not the other images of the call
            return AnalyzeResult(error=describe_bug(error))

    def _analyze(self, spec: AnalyzeSpec, give_up: Callable[[], bool]) -> AnalyzeResult:
        if spec.WhichOneof("source") == "signature":
            return AnalyzeResult(error=_invalid("signatures are not supported: send the image itself in content"))
        if problem := check_image(spec.content, self._limits):
            return AnalyzeResult(error=_invalid(problem))
        try:
            picture = self._engine.open(spec.content)
        except UnreadableImageError as error:
            return AnalyzeResult(error=_invalid(str(error)))
        results = [self._analyze_feature(picture, feature, give_up) for feature in spec.features]
        if not picture.complete and all(_is_blank(result) for result in results):
            # Without an error, the file would pass for one of a page without text.
            return AnalyzeResult(error=_invalid(str(damaged())))
        return AnalyzeResult(results=results)

    def _analyze_feature(self, picture: Picture, feature: Feature, give_up: Callable[[], bool]) -> FeatureResult:
        if feature.type != Feature.TEXT_DETECTION:
            name = Feature.Type.Name(feature.type) if feature.type in Feature.Type.values() else str(feature.type)
            return FeatureResult(error=_invalid(f"feature {name} is not supported: use TEXT_DETECTION"))
        if not feature.HasField("text_detection_config"):
            return FeatureResult(error=_invalid("TEXT_DETECTION needs a text_detection_config"))
        config = feature.text_detection_config
        try:
            text = picture.recognize(languages=config.language_codes, model=config.model, give_up=give_up)
        except UnsupportedTextError as error:
            return FeatureResult(error=_invalid(str(error)))
        except RecognitionError as error:
            _log.exception("recognition failed")
            return FeatureResult(error=Status(code=Code.INTERNAL, message=str(error)))
        except GivenUpError:
            raise
        except Exception as error:  # noqa: BLE001 - a bug fails one feature, not the other features of the image
            return FeatureResult(error=describe_bug(error))
        return FeatureResult(text_detection=text)


def _is_blank(result: FeatureResult) -> bool:
    return result.HasField("text_detection") and not any(page.blocks for page in result.text_detection.pages)


def _invalid(message: str) -> Status:
    return Status(code=Code.INVALID_ARGUMENT, message=message)
