"""The whole contract as a file of descriptors, which gateways and tools take in place of protos."""

from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError

from vision_grpc_pb.google.rpc import error_details_pb2
from vision_grpc_pb.vision_grpc.envoy.v1 import rate_limit_pb2
from vision_grpc_pb.vision_grpc.quota.v1 import quota_service_pb2
from vision_grpc_pb.yandex.cloud.ai.ocr.v1 import ocr_service_pb2
from vision_grpc_pb.yandex.cloud.ai.vision.v1 import vision_service_pb2
from vision_grpc_pb.yandex.cloud.endpoint import api_endpoint_service_pb2
from vision_grpc_pb.yandex.cloud.iam.v1 import iam_token_service_pb2
from vision_grpc_pb.yandex.cloud.operation import operation_service_pb2

# The services, this project's own ones among them, and what errors carry: every other file is imported by one of these.
_ROOTS: tuple[FileDescriptor, ...] = (
    vision_service_pb2.DESCRIPTOR,
    ocr_service_pb2.DESCRIPTOR,
    operation_service_pb2.DESCRIPTOR,
    iam_token_service_pb2.DESCRIPTOR,
    api_endpoint_service_pb2.DESCRIPTOR,
    error_details_pb2.DESCRIPTOR,
    quota_service_pb2.DESCRIPTOR,
    rate_limit_pb2.DESCRIPTOR,
)


def descriptor_set() -> bytes:
    """Return a serialized `google.protobuf.FileDescriptorSet` of all protos, each after those that it imports."""
    whole = FileDescriptorSet()
    done: set[str] = set()

    def add(file: FileDescriptor) -> None:
        if file.name in done:
            return
        done.add(file.name)
        for needed in file.dependencies:
            add(needed)
        _describe(file, whole.file.add())

    for root in _ROOTS:
        add(root)
    return whole.SerializeToString()


def is_descriptor_set(content: bytes) -> bool:
    """Return whether a file holds a descriptor set, or nothing."""
    try:
        read = FileDescriptorSet.FromString(content)
    except DecodeError:
        return False
    return not content or (len(read.file) > 0 and all(file.name.endswith(".proto") for file in read.file))


def _describe(file: FileDescriptor, described: FileDescriptorProto) -> None:
    described.MergeFromString(file.serialized_pb)
    _add_json_names(file, described)
    for message in described.message_type:
        _add_json_names_within(file.message_types_by_name[message.name], message)


def _add_json_names_within(descriptor: Descriptor, message: DescriptorProto) -> None:
    _add_json_names(descriptor, message)
    for field in message.field:
        field.json_name = descriptor.fields_by_name[field.name].json_name
    for nested in message.nested_type:
        _add_json_names_within(descriptor.nested_types_by_name[nested.name], nested)


def _add_json_names(scope: FileDescriptor | Descriptor, described: FileDescriptorProto | DescriptorProto) -> None:
    """Add the names that protoc writes into descriptor sets, but leaves out of generated code."""
    for extension in described.extension:
        extension.json_name = scope.extensions_by_name[extension.name].json_name
