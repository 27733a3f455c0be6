"""Call BatchAnalyze with the official SDK.

Arguments: the address, the file of roots, a file with the SDK's own arguments for credentials as JSON, images.
"""

import json
import sys
from pathlib import Path

import yandexcloud
from yandex.cloud.ai.vision.v1.vision_service_pb2 import BatchAnalyzeRequest
from yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

_, address, roots, credentials, *images = sys.argv
sdk = yandexcloud.SDK(
    endpoint=address, root_certificates=Path(roots).read_bytes(), **json.loads(Path(credentials).read_text())
)
feature = {"type": "TEXT_DETECTION", "text_detection_config": {"language_codes": ["*"]}}
specs = [{"content": Path(image).read_bytes(), "features": [feature]} for image in images]
response = sdk.client(VisionServiceStub).BatchAnalyze(BatchAnalyzeRequest(analyze_specs=specs))
for result in response.results:
    pages = result.results[0].text_detection.pages
    words = [word.text for page in pages for block in page.blocks for line in block.lines for word in line.words]
    sys.stdout.write(" ".join(words))
