"""The Vision service itself: a request in, an answer out, whatever brought it."""

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

from vision_grpc.config import Limits
from vision_grpc.core.image_header import UnreadableImageError, check_image
from vision_grpc.core.rules import validate
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.bitmap import Bitmap, decode
from vision_grpc.local.engine import Engine, RecognitionError, UnsupportedTextError
from vision_grpc.local.languages import UnknownLanguageError
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureResult,
    Status,
)

_log = logging.getLogger(__name__)


class VisionService:
    """BatchAnalyze on `threads` threads: the images of all calls are read side by side, first come first served."""

    def __init__(self, engine: Engine, *, threads: int, limits: Limits) -> None:
        self._engine = engine
        self._limits = limits
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="vision-ocr")

    def batch_analyze(
        self, request: BatchAnalyzeRequest, *, abandoned: Callable[[], bool] = lambda: False
    ) -> BatchAnalyzeResponse:
        """Return one result per image, in order; blocks until the last is done.

        Images that are not begun when `abandoned` turns true are left.

        Raises:
            InvalidRequestError: the request breaks an option of the protos.
            ServiceError: the call was abandoned or the service is stopping.
        """
        validate(request)
        images: list[Future[AnalyzeResult]] = []
        try:
            # RuntimeError: the threads were closed between two images, or before the first.
            images.extend(self._threads.submit(self._analyze, spec, abandoned) for spec in request.analyze_specs)
        except RuntimeError as error:
            raise _stopping() from error
        try:
            # From the last on: when the service stops, that is where the images are that will never begin.
            results = [image.result() for image in reversed(images)]
        except CancelledError as error:
            if abandoned():
                message = "the client no longer waits for the answer"
                raise ServiceError(Code.CANCELLED, message) from error
            raise _stopping() from error
        return BatchAnalyzeResponse(results=reversed(results))

    def close(self) -> None:
        """Drop the images that are not begun; calls that wait for them end with UNAVAILABLE."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _analyze(self, spec: AnalyzeSpec, abandoned: Callable[[], bool]) -> AnalyzeResult:
        if abandoned():
            raise CancelledError
        if spec.WhichOneof("source") == "signature":
            return AnalyzeResult(error=_refuse("signatures are not supported: send the image itself in content"))
        if problem := check_image(spec.content, self._limits):
            return AnalyzeResult(error=_refuse(problem))
        try:
            bitmap = decode(spec.content)
        except UnreadableImageError as error:
            return AnalyzeResult(error=_refuse(str(error)))
        return AnalyzeResult(results=[self._analyze_feature(bitmap, feature) for feature in spec.features])

    def _analyze_feature(self, bitmap: Bitmap, feature: Feature) -> FeatureResult:
        if feature.type != Feature.TEXT_DETECTION:
            name = Feature.Type.Name(feature.type) if feature.type in Feature.Type.values() else str(feature.type)
            return FeatureResult(error=_refuse(f"feature {name} is not supported: use TEXT_DETECTION"))
        if not feature.HasField("text_detection_config"):
            return FeatureResult(error=_refuse("TEXT_DETECTION needs a text_detection_config"))
        config = feature.text_detection_config
        try:
            text = self._engine.recognize(bitmap, languages=config.language_codes, model=config.model)
        except (UnknownLanguageError, UnsupportedTextError) as error:
            return FeatureResult(error=_refuse(str(error)))
        except RecognitionError as error:
            _log.exception("recognition failed")
            return FeatureResult(error=Status(code=Code.INTERNAL, message=str(error)))
        return FeatureResult(text_detection=text)


def _refuse(message: str) -> Status:
    return Status(code=Code.INVALID_ARGUMENT, message=message)


def _stopping() -> ServiceError:
    return ServiceError(Code.UNAVAILABLE, "the service is stopping: call again when it is back")
