"""Reads images with one call, and prints the words of each on a line: python read_sdk.py ENDPOINT IMAGE..."""

import os
import sys
from pathlib import Path

import grpc
from yandex.cloud.ai.vision.v1.vision_service_pb2 import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    Feature,
    FeatureTextDetectionConfig,
)
from yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

feature = Feature(
    type=Feature.Type.TEXT_DETECTION,
    text_detection_config=FeatureTextDetectionConfig(language_codes=["en", "ru"]),
)
contents = [Path(image).read_bytes() for image in sys.argv[2:]]
specs = [AnalyzeSpec(content=content, features=[feature]) for content in contents]

# With a key, TLS to the service; without one, a local service.
key = os.environ.get("YC_API_KEY")
options = [("grpc.max_receive_message_length", 64 << 20)]
if key:
    channel = grpc.secure_channel(sys.argv[1], grpc.ssl_channel_credentials(), options)
else:
    channel = grpc.insecure_channel(sys.argv[1], options)
metadata = [("authorization", f"Api-Key {key}")] if key else []
with channel:
    answer = VisionServiceStub(channel).BatchAnalyze(BatchAnalyzeRequest(analyze_specs=specs), metadata=metadata)
for result in answer.results:
    # An image that fails alone has an error here, or in the result of its feature.
    if result.HasField("error"):
        print("error:", result.error.message)
        continue
    blocks = [block for page in result.results[0].text_detection.pages for block in page.blocks]
    print(" ".join(word.text for block in blocks for line in block.lines for word in line.words))
