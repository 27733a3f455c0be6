"""The images of a request, whichever API it is of."""

from collections.abc import Sequence

from google.protobuf.message import Message

from vision_grpc.messages import (
    BatchAnalyzeRequest,
    CancelOperationRequest,
    GetOperationRequest,
    GetRecognitionRequest,
    Operation,
    RecognizeTextRequest,
)


def images_of(request: Message | None) -> Sequence[bytes]:
    """Return the files that are to be read; of a request that has none, or is not there yet, nothing."""
    if isinstance(request, BatchAnalyzeRequest):
        return [spec.content for spec in request.analyze_specs]
    return [request.content] if isinstance(request, RecognizeTextRequest) else []


def operation_of(request: Message | None, answer: Message | None) -> str:
    """Return the id of the operation that a call starts or asks about, empty for other calls."""
    if isinstance(answer, Operation):
        return answer.id
    if isinstance(request, GetRecognitionRequest | GetOperationRequest | CancelOperationRequest):
        return request.operation_id
    return ""


def features_of(request: Message | None) -> Sequence[int]:
    """Return what is asked of each file: the number of features. A result that is fetched is that of one file."""
    if isinstance(request, BatchAnalyzeRequest):
        return [len(spec.features) for spec in request.analyze_specs]
    return [1] if isinstance(request, RecognizeTextRequest | GetRecognitionRequest) else []
