"""Where the methods of the contract are: their paths in gRPC and in REST, as the protos say."""

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodDescriptorProto

from vision_grpc_pb.google.api import annotations_pb2
from vision_grpc_pb.google.api.http_pb2 import HttpRule
from vision_grpc_pb.google.protobuf.descriptor_pb2 import MethodOptions
from vision_grpc_pb.yandex.cloud.ai.ocr.v1 import ocr_service_pb2
from vision_grpc_pb.yandex.cloud.ai.vision.v1 import vision_service_pb2
from vision_grpc_pb.yandex.cloud.operation import operation_service_pb2

_OCR = ocr_service_pb2.DESCRIPTOR.services_by_name
_VISION = vision_service_pb2.DESCRIPTOR.services_by_name
_OPERATIONS = operation_service_pb2.DESCRIPTOR.services_by_name

BATCH_ANALYZE: MethodDescriptor = _VISION["VisionService"].methods_by_name["BatchAnalyze"]
RECOGNIZE: MethodDescriptor = _OCR["TextRecognitionService"].methods_by_name["Recognize"]
RECOGNIZE_DEFERRED: MethodDescriptor = _OCR["TextRecognitionAsyncService"].methods_by_name["Recognize"]
GET_RECOGNITION: MethodDescriptor = _OCR["TextRecognitionAsyncService"].methods_by_name["GetRecognition"]
GET_OPERATION: MethodDescriptor = _OPERATIONS["OperationService"].methods_by_name["Get"]
CANCEL_OPERATION: MethodDescriptor = _OPERATIONS["OperationService"].methods_by_name["Cancel"]


def grpc_path_of(method: MethodDescriptor) -> str:
    """Return the path of a method in gRPC."""
    return f"/{method.containing_service.full_name}/{method.name}"


def is_server_stream(method: MethodDescriptor) -> bool:
    """Return whether a method answers with a stream of messages."""
    # Older releases of protobuf do not say so themselves.
    declared = MethodDescriptorProto()
    method.CopyToProto(declared)
    return declared.server_streaming


def http_rule_of(method: MethodDescriptor) -> HttpRule:
    """Return the `google.api.http` option of a method: its verb and its path in REST."""
    # Options come in the classes of the default pool, which does not know the extension: their bytes are parsed again.
    return MethodOptions.FromString(method.GetOptions().SerializeToString()).Extensions[annotations_pb2.http]
