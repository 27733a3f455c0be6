"""Where the methods of the contract are: their paths in gRPC and in REST, as the protos say."""

import re
from typing import NamedTuple, Self
from urllib.parse import quote, urlencode

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodDescriptorProto
from google.protobuf.message import Message

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

_FIELD = re.compile(r"\{(\w+)\}")


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


class HttpRoute(NamedTuple):
    """Where a method is in REST."""

    verb: str
    path: str
    """With fields of the request in braces, whose values stand there."""
    has_body: bool
    """Whether the request is the body; without it, the fields that are not in the path are in the query."""

    @classmethod
    def of(cls, method: MethodDescriptor) -> Self:
        """Return the route of a method, as its `google.api.http` option says."""
        rule = http_rule_of(method)
        verb, path = ("POST", rule.post) if rule.post else ("GET", rule.get)
        return cls(verb, path, bool(rule.body))

    def target(self, request: Message) -> str:
        """Return the path and the query for a request whose fields are single values."""
        query = {field.json_name: str(value) for field, value in request.ListFields()}
        fields = request.DESCRIPTOR.fields_by_name

        def fill(name: re.Match[str]) -> str:
            return quote(query.pop(fields[name[1]].json_name, ""), safe="")

        path = _FIELD.sub(fill, self.path)
        return f"{path}?{urlencode(query)}" if query else path
