"""google/protobuf/empty.proto, registered in the pool of this package. Generated, do not edit."""
from google.protobuf import empty_pb2 as _source
from vision_grpc_pb import _pool

DESCRIPTOR = _pool.add_foreign_file(_source.DESCRIPTOR.serialized_pb, __name__, globals())
