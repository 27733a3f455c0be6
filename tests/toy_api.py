"""A made-up second API: other method, other messages, other field numbers; the clients must not notice.

Servers of it are written for the contract's messages and translate: what `Dialect` is for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from vision_grpc.api.api import Api, HideBytes
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.codec.json import RequestBody, to_json
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureTextDetectionConfig,
)
from vision_grpc.results.outcomes import MessageOutcome, error_of
from vision_grpc_pb._pool import POOL
from vision_grpc_pb.google.api import annotations_pb2
from vision_grpc_pb.google.protobuf.descriptor_pb2 import FieldOptions, MethodOptions
from vision_grpc_pb.yandex.cloud import validation_pb2

_CONTRACT = ".yandex.cloud.ai.vision.v1."


def _field(
    message: DescriptorProto, name: str, number: int, kind: int | str, *, repeated: bool = False, size: str = ""
) -> None:
    label = FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
    field = message.field.add(name=name, number=number, label=label)
    if isinstance(kind, str):
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, kind
    else:
        field.type = cast("Any", kind)
    if size:
        options = FieldOptions()
        options.Extensions[validation_pb2.size] = size
        field.options.MergeFromString(options.SerializeToString())


def _build() -> Any:  # noqa: ANN401 - a descriptor
    file = FileDescriptorProto(name="toy/v2/toy.proto", package="toy.v2", syntax="proto3")
    file.dependency.append("yandex/cloud/ai/vision/v1/vision_service.proto")  # With all that it depends on.
    picture = file.message_type.add(name="Picture")
    _field(picture, "data", 4, FieldDescriptorProto.TYPE_BYTES)
    _field(picture, "wishes", 9, f"{_CONTRACT}Feature", repeated=True)
    request = file.message_type.add(name="ReadRequest")
    _field(request, "payer", 2, FieldDescriptorProto.TYPE_STRING)
    _field(request, "pictures", 6, ".toy.v2.Picture", repeated=True, size="1-8")
    reading = file.message_type.add(name="Reading")
    _field(reading, "outcome", 5, f"{_CONTRACT}AnalyzeResult")
    response = file.message_type.add(name="ReadResponse")
    _field(response, "readings", 3, ".toy.v2.Reading", repeated=True)
    method = file.service.add(name="Toy").method.add(
        name="Read", input_type=".toy.v2.ReadRequest", output_type=".toy.v2.ReadResponse"
    )
    options = MethodOptions()
    options.Extensions[annotations_pb2.http].post = "/toy/v2/read"
    method.options.MergeFromString(options.SerializeToString())
    return POOL.AddSerializedFile(file.SerializeToString())


_build()
_READ = POOL.FindServiceByName("toy.v2.Toy").methods_by_name["Read"]
_Request: Any = GetMessageClass(_READ.input_type)
_Response: Any = GetMessageClass(_READ.output_type)


@dataclass(frozen=True)
class ToyTemplate:
    """What all pictures of a stream share."""

    features: Sequence[Feature]
    folder_id: str

    def join(self, contents: Sequence[bytes]) -> bytes:
        return self.message(contents).SerializeToString()

    def json_body(self, contents: Sequence[bytes]) -> RequestBody:
        return RequestBody([to_json(self.message(contents))])

    def message(self, contents: Sequence[bytes]) -> Message:
        request = _Request(payer=self.folder_id)
        for content in contents:
            request.pictures.add(data=content, wishes=self.features)
        return cast("Message", request)


class ToyApi(Api):
    """The API of `toy.v2`; it is in no hurry, and parses everything."""

    def __init__(self, *, most_images: int = VISION_V1.most_images) -> None:
        super().__init__("toy/v2", _READ, most_images=most_images)

    def template(self, languages: Sequence[str], model: str, folder_id: str) -> ToyTemplate:
        VISION_V1.template(languages, model, folder_id)  # The same wishes are refused.
        config = FeatureTextDetectionConfig(language_codes=languages, model=model)
        return ToyTemplate([Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)], folder_id)

    def split_request(self, wire: bytes) -> Sequence[bytes]:
        return [picture.data for picture in _Request.FromString(wire).pictures]

    def count_images(self, request: Message) -> int:
        return len(cast("Any", request).pictures)

    def read_wire(self, wire: bytes, hide: HideBytes) -> Sequence[MessageOutcome]:
        return self._read(self.parse_wire(wire), hide)

    def read_json(self, body: bytes, hide: HideBytes) -> Sequence[MessageOutcome]:
        return self._read(self.parse_json(body), hide)

    def read_message(self, response: Message) -> Sequence[MessageOutcome]:
        return self._read(response, bytes)

    def _read(self, response: Message, hide: HideBytes) -> Sequence[MessageOutcome]:
        results = [reading.outcome for reading in cast("Any", response).readings]
        return [
            MessageOutcome(AnalyzeResult.FromString(hide(result.SerializeToString())) if error_of(result) else result)
            for result in results
        ]


TOY = ToyApi()


class Dialect:
    """The contract's own messages, as a server or a caller writes them."""

    api: Api = VISION_V1
    request_class: type[Message] = BatchAnalyzeRequest

    def read_request(self, message: Message) -> BatchAnalyzeRequest:
        """Return the contract's request that says the same."""
        return cast("BatchAnalyzeRequest", message)

    def write_request(self, request: BatchAnalyzeRequest) -> Message:
        """Return the API's request that says the same."""
        return request

    def read_response(self, message: Message) -> BatchAnalyzeResponse:
        """Return the contract's response that says the same."""
        return cast("BatchAnalyzeResponse", message)

    def write_response(self, response: BatchAnalyzeResponse) -> Message:
        """Return the API's response that says the same."""
        return response


class ToyDialect(Dialect):
    """The toy's messages."""

    api: Api = TOY
    request_class: type[Message] = _Request

    def read_request(self, message: Message) -> BatchAnalyzeRequest:
        request = cast("Any", message)
        specs = [AnalyzeSpec(content=picture.data, features=picture.wishes) for picture in request.pictures]
        return BatchAnalyzeRequest(analyze_specs=specs, folder_id=request.payer)

    def write_request(self, request: BatchAnalyzeRequest) -> Message:
        toy = _Request(payer=request.folder_id)
        for spec in request.analyze_specs:
            toy.pictures.add(data=spec.content, wishes=spec.features)
        return cast("Message", toy)

    def read_response(self, message: Message) -> BatchAnalyzeResponse:
        return BatchAnalyzeResponse(results=[reading.outcome for reading in cast("Any", message).readings])

    def write_response(self, response: BatchAnalyzeResponse) -> Message:
        toy = _Response()
        for result in response.results:
            toy.readings.add(outcome=result)
        return cast("Message", toy)


VISION_DIALECT = Dialect()
TOY_DIALECT = ToyDialect()
