"""The official SDK, as its examples use it: a client of the SDK, a message built, a message back."""

# Its packages are installed elsewhere, so its types are unknown here.
# mypy: ignore-errors
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

import argparse
from itertools import cycle, islice
from pathlib import Path

from yandex.cloud.ai.vision.v1.vision_service_pb2 import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    Feature,
    FeatureTextDetectionConfig,
)
from yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub
from yandexcloud import SDK

from .images import fake_jpegs
from .meter import answer_orders

_BATCH = 8


def main() -> None:
    """Do what standard input orders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True)
    parser.add_argument("--roots", type=Path, required=True)
    parser.add_argument("--size", type=int, required=True)
    options = parser.parse_args()
    contents = fake_jpegs(_BATCH, options.size)
    token = "t1.benchmark"  # noqa: S105 - nobody checks it
    sdk = SDK(iam_token=token, endpoint=options.target, root_certificates=options.roots.read_bytes())

    def run(images: int) -> None:
        # The channel comes from the SDK's cache after the first time.
        stub = sdk.client(VisionServiceStub)
        for _ in range(images // _BATCH):
            config = FeatureTextDetectionConfig(language_codes=["*"])
            features = [Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)]
            specs = [AnalyzeSpec(content=content, features=features) for content in islice(cycle(contents), _BATCH)]
            response = stub.BatchAnalyze(BatchAnalyzeRequest(analyze_specs=specs, folder_id="b1g0000000000000000"))
            if len(response.results) != _BATCH:
                raise AssertionError(response)

    answer_orders(run)


if __name__ == "__main__":
    main()
