"""Requests for text recognition."""

from collections.abc import Iterable, Sequence

from vision_grpc.core.rules import validate
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, Feature, FeatureTextDetectionConfig


def text_feature(languages: Sequence[str], model: str) -> Feature:
    """Return the feature that asks for text in these languages (ISO 639-1, or `*` alone)."""
    if isinstance(languages, str):
        # A string is a sequence of strings: "ru" would ask for the languages r and u.
        languages = languages.split(",")
    return Feature(
        type=Feature.TEXT_DETECTION,
        text_detection_config=FeatureTextDetectionConfig(language_codes=languages, model=model),
    )


def check_shared_fields(feature: Feature, folder_id: str) -> None:
    """Pass what all images of a stream share, before the first of them is read.

    Raises:
        InvalidRequestError: such as for nine languages or an overlong folder id.
    """
    validate(build_request([b""], feature, folder_id))


def build_request(contents: Iterable[bytes], feature: Feature, folder_id: str) -> BatchAnalyzeRequest:
    """Return a request for the same feature of each image."""
    specs = [AnalyzeSpec(content=content, features=[feature]) for content in contents]
    return BatchAnalyzeRequest(analyze_specs=specs, folder_id=folder_id)
