"""How many images a request has and how large it is, as the options of the protos say."""

from google.protobuf.descriptor import FieldDescriptor

from vision_grpc.contract.rules import Range
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest
from vision_grpc_pb.google.protobuf.descriptor_pb2 import FieldOptions
from vision_grpc_pb.yandex.cloud import validation_pb2


def _options(field: FieldDescriptor) -> FieldOptions:
    return FieldOptions.FromString(field.GetOptions().SerializeToString())


def _highest(text: str) -> int:
    high = Range.parse(text).high
    if high is None:
        message = f"the constraint {text!r} has no upper end: requests could be of any size"
        raise ValueError(message)
    return high


MOST_IMAGES = _highest(
    _options(BatchAnalyzeRequest.DESCRIPTOR.fields_by_name["analyze_specs"]).Extensions[validation_pb2.size]
)
"""Images a request, at most."""

_CONTENT_BYTES = _highest(_options(AnalyzeSpec.DESCRIPTOR.fields_by_name["content"]).Extensions[validation_pb2.length])
# All that surrounds the images: features, languages, names of fields. The options bound it to less than 100 KB.
_ROOM_BYTES = 1024 * 1024

REQUEST_BYTES = MOST_IMAGES * _CONTENT_BYTES + _ROOM_BYTES
"""More than any valid request takes on the wire."""

JSON_REQUEST_BYTES = MOST_IMAGES * _CONTENT_BYTES * 4 // 3 + _ROOM_BYTES
"""More than any valid request takes as JSON, where base64 writes 3 bytes as 4."""
