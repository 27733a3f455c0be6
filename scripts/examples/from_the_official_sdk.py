"""Moves a program over from `yandexcloud`: the messages keep their names and fields, so little changes.

Before, the messages came from `yandex.cloud.ai.vision.v1.vision_service_pb2`, and the call was

    vision = yandexcloud.SDK(service_account_key=key).client(VisionServiceStub)
    response = vision.BatchAnalyze(request)
"""

from pathlib import Path

from vision_grpc import VisionClient
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    Feature,
    FeatureTextDetectionConfig,
    TextAnnotation,
)


def read(client: VisionClient, path: str) -> TextAnnotation:
    """Return the text of an image as the message that the program already knows."""
    config = FeatureTextDetectionConfig(language_codes=["*"])
    feature = Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)
    spec = AnalyzeSpec(content=Path(path).read_bytes(), features=[feature])
    response = client.batch_analyze(BatchAnalyzeRequest(analyze_specs=[spec]))
    return response.results[0].results[0].text_detection


def read_simply(client: VisionClient, path: str) -> TextAnnotation | None:
    """Return the same, with retries and the errors of single images taken care of."""
    return client.analyze(path).raise_for_error().annotation
