"""What is asked of each image of a stream."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from vision_grpc.contract.rules import validate
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, Feature, FeatureTextDetectionConfig


@dataclass(frozen=True)
class Ask:
    """What all images of a stream share: the features that are asked of each, and the folder that pays."""

    features: Sequence[Feature]
    folder_id: str

    @cached_property
    def spec_fields(self) -> bytes:
        """The fields of each spec beside its image, as they are on the wire."""
        return AnalyzeSpec(features=self.features).SerializeToString()

    @cached_property
    def request_fields(self) -> bytes:
        """The fields of the request beside its specs, as they are on the wire."""
        return BatchAnalyzeRequest(folder_id=self.folder_id).SerializeToString()


def ask_for_text(languages: Sequence[str], model: str, folder_id: str) -> Ask:
    """Return the wish for text in these languages (ISO 639-1 codes, or `*` alone to detect them).

    It is checked here, before the first image is read.

    Raises:
        InvalidRequestError: such as for nine languages or an overlong folder id.
    """
    if isinstance(languages, str):
        # A string is a sequence of strings: "ru" would ask for the languages r and u.
        languages = languages.split(",")
    config = FeatureTextDetectionConfig(language_codes=languages, model=model)
    ask = Ask([Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)], folder_id)
    validate(build_request([b""], ask))
    return ask


def build_request(contents: Iterable[bytes], ask: Ask) -> BatchAnalyzeRequest:
    """Return the request that asks it of each image."""
    specs = [AnalyzeSpec(content=content, features=ask.features) for content in contents]
    return BatchAnalyzeRequest(analyze_specs=specs, folder_id=ask.folder_id)
