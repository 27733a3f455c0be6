"""Every message class of the contract, by its short name; those of ocr/v1's text begin with Ocr, as in OcrWord.

The classes live in a descriptor pool of their own, so they are not the ones that other
packages compile from the same files: `adopt` turns such a message into ours.
"""

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from vision_grpc_pb._pool import POOL
from vision_grpc_pb.google.protobuf.any_pb2 import Any
from vision_grpc_pb.google.protobuf.duration_pb2 import Duration
from vision_grpc_pb.google.protobuf.empty_pb2 import Empty
from vision_grpc_pb.google.protobuf.timestamp_pb2 import Timestamp
from vision_grpc_pb.google.rpc.error_details_pb2 import (
    BadRequest,
    DebugInfo,
    ErrorInfo,
    Help,
    LocalizedMessage,
    PreconditionFailure,
    QuotaFailure,
    RequestInfo,
    ResourceInfo,
    RetryInfo,
)
from vision_grpc_pb.google.rpc.status_pb2 import Status
from vision_grpc_pb.yandex.cloud.ai.ocr.v1.ocr_pb2 import Block as OcrBlock
from vision_grpc_pb.yandex.cloud.ai.ocr.v1.ocr_pb2 import Entity as OcrEntity
from vision_grpc_pb.yandex.cloud.ai.ocr.v1.ocr_pb2 import Line as OcrLine
from vision_grpc_pb.yandex.cloud.ai.ocr.v1.ocr_pb2 import Picture as OcrPicture
from vision_grpc_pb.yandex.cloud.ai.ocr.v1.ocr_pb2 import Polygon as OcrPolygon
from vision_grpc_pb.yandex.cloud.ai.ocr.v1.ocr_pb2 import Table as OcrTable
from vision_grpc_pb.yandex.cloud.ai.ocr.v1.ocr_pb2 import TableCell as OcrTableCell
from vision_grpc_pb.yandex.cloud.ai.ocr.v1.ocr_pb2 import TextAnnotation as OcrTextAnnotation
from vision_grpc_pb.yandex.cloud.ai.ocr.v1.ocr_pb2 import TextSegments as OcrTextSegments
from vision_grpc_pb.yandex.cloud.ai.ocr.v1.ocr_pb2 import Vertex as OcrVertex
from vision_grpc_pb.yandex.cloud.ai.ocr.v1.ocr_pb2 import Word as OcrWord
from vision_grpc_pb.yandex.cloud.ai.ocr.v1.ocr_service_pb2 import (
    GetRecognitionRequest,
    RecognizeTextRequest,
    RecognizeTextResponse,
)
from vision_grpc_pb.yandex.cloud.ai.vision.v1.classification_pb2 import ClassAnnotation, Property
from vision_grpc_pb.yandex.cloud.ai.vision.v1.face_detection_pb2 import Face, FaceAnnotation
from vision_grpc_pb.yandex.cloud.ai.vision.v1.image_copy_search_pb2 import CopyMatch, ImageCopySearchAnnotation
from vision_grpc_pb.yandex.cloud.ai.vision.v1.primitives_pb2 import Polygon, Vertex
from vision_grpc_pb.yandex.cloud.ai.vision.v1.text_detection_pb2 import (
    Block,
    Entity,
    Line,
    Page,
    TextAnnotation,
    Word,
)
from vision_grpc_pb.yandex.cloud.ai.vision.v1.vision_service_pb2 import (
    AnalyzeResult,
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureClassificationConfig,
    FeatureResult,
    FeatureTextDetectionConfig,
)
from vision_grpc_pb.yandex.cloud.endpoint.api_endpoint_pb2 import ApiEndpoint
from vision_grpc_pb.yandex.cloud.endpoint.api_endpoint_service_pb2 import (
    GetApiEndpointRequest,
    ListApiEndpointsRequest,
    ListApiEndpointsResponse,
)
from vision_grpc_pb.yandex.cloud.iam.v1.iam_token_service_pb2 import (
    CreateIamTokenForServiceAccountRequest,
    CreateIamTokenRequest,
    CreateIamTokenResponse,
    RevokeIamTokenRequest,
    RevokeIamTokenResponse,
)
from vision_grpc_pb.yandex.cloud.operation.operation_pb2 import Operation
from vision_grpc_pb.yandex.cloud.operation.operation_service_pb2 import CancelOperationRequest, GetOperationRequest

__all__ = [
    "AnalyzeResult",
    "AnalyzeSpec",
    "Any",
    "ApiEndpoint",
    "BadRequest",
    "BatchAnalyzeRequest",
    "BatchAnalyzeResponse",
    "Block",
    "CancelOperationRequest",
    "ClassAnnotation",
    "CopyMatch",
    "CreateIamTokenForServiceAccountRequest",
    "CreateIamTokenRequest",
    "CreateIamTokenResponse",
    "DebugInfo",
    "Duration",
    "Empty",
    "Entity",
    "ErrorInfo",
    "Face",
    "FaceAnnotation",
    "Feature",
    "FeatureClassificationConfig",
    "FeatureResult",
    "FeatureTextDetectionConfig",
    "GetApiEndpointRequest",
    "GetOperationRequest",
    "GetRecognitionRequest",
    "Help",
    "ImageCopySearchAnnotation",
    "Line",
    "ListApiEndpointsRequest",
    "ListApiEndpointsResponse",
    "LocalizedMessage",
    "OcrBlock",
    "OcrEntity",
    "OcrLine",
    "OcrPicture",
    "OcrPolygon",
    "OcrTable",
    "OcrTableCell",
    "OcrTextAnnotation",
    "OcrTextSegments",
    "OcrVertex",
    "OcrWord",
    "Operation",
    "Page",
    "Polygon",
    "PreconditionFailure",
    "Property",
    "QuotaFailure",
    "RecognizeTextRequest",
    "RecognizeTextResponse",
    "RequestInfo",
    "ResourceInfo",
    "RetryInfo",
    "RevokeIamTokenRequest",
    "RevokeIamTokenResponse",
    "Status",
    "TextAnnotation",
    "Timestamp",
    "Vertex",
    "Word",
    "adopt",
]


def adopt(message: Message) -> Message:
    """Return the message as an instance of our class of the same full name.

    A message of this package is returned as it is; one of another package (the official SDK, your own
    stubs of the same protos) is copied through its wire bytes, unknown fields included.

    Raises:
        TypeError: the contract has no message of that name.
    """
    full_name = message.DESCRIPTOR.full_name
    try:
        message_class = GetMessageClass(POOL.FindMessageTypeByName(full_name))
    except KeyError as error:
        unknown = f"{full_name} is not a message of the Vision contract; vision_grpc.messages lists those that are"
        raise TypeError(unknown) from error
    if isinstance(message, message_class):
        return message
    ours = message_class()
    ours.MergeFromString(message.SerializePartialToString())
    return ours
