"""ocr/v1: one file a call, answered by a stream of pages, at once or by way of an operation."""

from google.protobuf.descriptor import MethodDescriptor

from vision_grpc.api.api import Api, Deferred
from vision_grpc.api.ocr_answers import OperationAnswers, PageAnswers
from vision_grpc.api.ocr_requests import FileRequests, IdRequests, OcrTemplate
from vision_grpc.contract.method import (
    CANCEL_OPERATION,
    GET_OPERATION,
    GET_RECOGNITION,
    RECOGNIZE,
    RECOGNIZE_DEFERRED,
)

__all__ = ["OCR_V1", "OcrTemplate", "OcrV1"]


class _OcrMethod(Api):
    """What all methods of `yandex.cloud.ai.ocr.v1` have in common."""

    lacks = "gives no confidence of words, takes one file a call, and has no batch_analyze, classification or faces"

    def __init__(self, method: MethodDescriptor, deferred: Deferred | None = None) -> None:
        super().__init__(
            "ocr/v1",
            method,
            most_images=1,
            endpoint="ocr.api.cloud.yandex.net:443",
            service_id="ai-vision-ocr",
            content_bytes=10 * 1024 * 1024,
            reads_pdf=True,
            deferred=deferred,
        )


class OcrV1(FileRequests, PageAnswers, _OcrMethod):
    """`Recognize`, which answers with the pages."""


class _Submission(FileRequests, OperationAnswers, _OcrMethod):
    """`Recognize` of the service that answers with an operation."""


class _Recognition(IdRequests, PageAnswers, _OcrMethod):
    """`GetRecognition`, which has the pages of an operation."""


class _OperationMethod(IdRequests, OperationAnswers):
    """A method of the cloud's OperationService."""

    def __init__(self, method: MethodDescriptor) -> None:
        endpoint = "operation.api.cloud.yandex.net:443"
        super().__init__("ocr/v1", method, most_images=1, endpoint=endpoint, service_id="operation")


OCR_V1 = OcrV1(
    RECOGNIZE,
    Deferred(
        submission=_Submission(RECOGNIZE_DEFERRED),
        recognition=_Recognition(GET_RECOGNITION),
        status=_OperationMethod(GET_OPERATION),
        cancel=_OperationMethod(CANCEL_OPERATION),
    ),
)
"""The one value of its kind."""
