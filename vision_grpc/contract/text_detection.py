"""What may be asked of the detection of text."""

from collections.abc import Sequence

from vision_grpc.contract.rules import collect_violations
from vision_grpc.errors import Violation
from vision_grpc.messages import FeatureTextDetectionConfig


def check_text_detection(languages: Sequence[str], model: str) -> list[Violation]:
    """Return how languages and a model break the contract."""
    return collect_violations(FeatureTextDetectionConfig(language_codes=languages, model=model))
