"""Read a file in an operation of ocr/v1 with the official SDK, which waits for it as for any, and print its text.

Arguments: the address, the file of roots, a file with the SDK's own arguments for credentials as JSON, the file.
"""

import json
import sys
import warnings
from pathlib import Path

import yandexcloud
from google.protobuf.empty_pb2 import Empty
from yandex.cloud.ai.ocr.v1.ocr_service_pb2 import GetRecognitionRequest, RecognizeTextRequest
from yandex.cloud.ai.ocr.v1.ocr_service_pb2_grpc import TextRecognitionAsyncServiceStub

# It waits by a class that it calls deprecated itself.
warnings.simplefilter("ignore", DeprecationWarning)
_, address, roots, credentials, file = sys.argv
sdk = yandexcloud.SDK(
    endpoint=address, root_certificates=Path(roots).read_bytes(), **json.loads(Path(credentials).read_text())
)
service = sdk.client(TextRecognitionAsyncServiceStub)
operation = service.Recognize(RecognizeTextRequest(content=Path(file).read_bytes(), language_codes=["*"]))
sdk.wait_operation_and_get_result(operation, response_type=Empty, timeout=60)
pages = service.GetRecognition(GetRecognitionRequest(operation_id=operation.id))
sys.stdout.write("".join(page.text_annotation.full_text for page in pages))
