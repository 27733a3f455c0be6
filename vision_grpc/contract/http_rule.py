"""Where REST finds a method of the contract."""

from google.protobuf.descriptor import MethodDescriptor

from vision_grpc_pb.google.api import annotations_pb2
from vision_grpc_pb.google.api.http_pb2 import HttpRule
from vision_grpc_pb.google.protobuf.descriptor_pb2 import MethodOptions


def http_rule_of(method: MethodDescriptor) -> HttpRule:
    """Return the method's `google.api.http` option."""
    # Options come in the classes of the default pool, which does not know the extension: their bytes are read again.
    return MethodOptions.FromString(method.GetOptions().SerializeToString()).Extensions[annotations_pb2.http]
