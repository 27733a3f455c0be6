"""google/api/annotations.proto, registered in the pool of this package. Generated, do not edit."""
from google.api import annotations_pb2 as _source
import vision_grpc_pb.google.api.http_pb2  # noqa: F401
import vision_grpc_pb.google.protobuf.descriptor_pb2  # noqa: F401
from vision_grpc_pb import _pool

DESCRIPTOR = _pool.add_foreign_file(_source.DESCRIPTOR.serialized_pb, __name__, globals())
