"""One image of a request: its result, whatever happens."""

import logging

from vision_grpc.config import Limits
from vision_grpc.contract.image_header import check_image
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
from vision_grpc.local.patience import Patience, TimeLimit
from vision_grpc.messages import AnalyzeResult, AnalyzeSpec, Feature, FeatureResult, Status

_log = logging.getLogger(__name__)


class Analysis:
    """Reads images with an engine, each for `recognition_s` seconds at most. Thread-safe."""

    def __init__(self, engine: OcrEngine, limits: Limits, *, recognition_s: float | None) -> None:
        self._engine = engine
        self._limits = limits
        self._recognition_s = recognition_s

    def analyze(self, spec: AnalyzeSpec, patience: Patience) -> AnalyzeResult:
        """Return the result of an image; what goes wrong is an error in it.

        Raises:
            GivenUpError: the client has left.
        """
        if patience.has_left():
            raise GivenUpError
        try:
            return self._analyze(spec, patience)
        except GivenUpError:
            raise
        except Exception as error:  # noqa: BLE001 - a bug fails one image, not the other images of the call
            return AnalyzeResult(error=describe_bug(error))

    def _analyze(self, spec: AnalyzeSpec, patience: Patience) -> AnalyzeResult:
        if spec.WhichOneof("source") == "signature":
            return AnalyzeResult(error=_invalid("signatures are not supported: send the image itself in content"))
        if problem := check_image(spec.content, self._limits):
            return AnalyzeResult(error=_invalid(problem))
        limit = TimeLimit(patience, self._recognition_s)
        try:
            picture = self._engine.open(spec.content)
        except UnreadableImageError as error:
            return AnalyzeResult(error=_invalid(str(error)))
        except ServiceError as error:
            return AnalyzeResult(error=Status(code=error.code, message=error.message))
        results = [_analyze_feature(picture, feature, limit) for feature in spec.features]
        if not picture.complete and all(_is_blank(result) for result in results):
            # Without an error, the file would pass for one of a page without text.
            return AnalyzeResult(error=_invalid(str(damaged())))
        return AnalyzeResult(results=results)


def _analyze_feature(picture: Picture, feature: Feature, limit: TimeLimit) -> FeatureResult:
    if problem := _check_feature(feature):
        return FeatureResult(error=_invalid(problem))
    config = feature.text_detection_config
    try:
        text = picture.recognize(languages=config.language_codes, model=config.model, give_up=limit.give_up)
    except UnsupportedTextError as error:
        return FeatureResult(error=_invalid(str(error)))
    except RecognitionError as error:
        _log.exception("recognition failed")
        return FeatureResult(error=Status(code=Code.INTERNAL, message=str(error)))
    except GivenUpError:
        if limit.has_client_left():
            raise
        return FeatureResult(error=limit.status)
    except Exception as error:  # noqa: BLE001 - a bug fails one feature, not the other features of the image
        return FeatureResult(error=describe_bug(error))
    return FeatureResult(text_detection=text)


def _check_feature(feature: Feature) -> str | None:
    if feature.type != Feature.TEXT_DETECTION:
        name = Feature.Type.Name(feature.type) if feature.type in Feature.Type.values() else str(feature.type)
        return f"feature {name} is not supported: use TEXT_DETECTION"
    if not feature.HasField("text_detection_config"):
        return "TEXT_DETECTION needs a text_detection_config"
    return None


def _is_blank(result: FeatureResult) -> bool:
    return result.HasField("text_detection") and not any(page.blocks for page in result.text_detection.pages)


def _invalid(message: str) -> Status:
    return Status(code=Code.INVALID_ARGUMENT, message=message)
