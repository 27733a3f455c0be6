"""google/rpc/status.proto, registered in the pool of this package. Generated, do not edit."""
from google.rpc import status_pb2 as _source
import vision_grpc_pb.google.protobuf.any_pb2  # noqa: F401
from vision_grpc_pb import _pool

DESCRIPTOR = _pool.add_foreign_file(_source.DESCRIPTOR.serialized_pb, __name__, globals())
