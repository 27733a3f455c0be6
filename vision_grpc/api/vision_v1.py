"""vision/v1: `batchAnalyze`, up to eight images a request."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from google.protobuf.message import DecodeError, Message

from vision_grpc.api.api import Api, HideBytes, Reply
from vision_grpc.codec.batch_wire import has_error, join_request, split_request, split_response
from vision_grpc.codec.json import RequestBody, split_results
from vision_grpc.contract.method import BATCH_ANALYZE
from vision_grpc.contract.models import VISION_V1_MODELS, is_of_ocr_v1_alone
from vision_grpc.contract.rules import validate
from vision_grpc.contract.sizes import MOST_IMAGES
from vision_grpc.errors import InvalidRequestError, ProtocolError, Violation
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureTextDetectionConfig,
)
from vision_grpc.results.outcomes import JsonOutcome, MessageOutcome, WireOutcome, error_of
from vision_grpc.texts.quoting import show


@dataclass(frozen=True)
class BatchTemplate:
    """The features that are wanted of each image, and the folder that pays."""

    features: Sequence[Feature]
    folder_id: str

    def join(self, contents: Sequence[bytes]) -> bytes:
        """Return the request in wire format; see `RequestTemplate`."""
        return join_request(contents, self._spec_fields, self._request_fields)

    def json_body(self, contents: Sequence[bytes]) -> RequestBody:
        """Return the request as JSON; see `RequestTemplate`."""
        return RequestBody.of_contents(contents, self.features, self.folder_id)

    def message(self, contents: Sequence[bytes]) -> BatchAnalyzeRequest:
        """Return the request as a message; see `RequestTemplate`."""
        specs = [AnalyzeSpec(content=content, features=self.features) for content in contents]
        return BatchAnalyzeRequest(analyze_specs=specs, folder_id=self.folder_id)

    @cached_property
    def _spec_fields(self) -> bytes:
        return AnalyzeSpec(features=self.features).SerializeToString()

    @cached_property
    def _request_fields(self) -> bytes:
        return BatchAnalyzeRequest(folder_id=self.folder_id).SerializeToString()


class VisionV1(Api):
    """The API of `yandex.cloud.ai.vision.v1`."""

    lacks = "takes no PDF files, finds no tables, Markdown or pictures in pages, and has no operations"

    def __init__(self) -> None:
        super().__init__("vision/v1", BATCH_ANALYZE, most_images=MOST_IMAGES, models=VISION_V1_MODELS)

    def template(self, languages: Sequence[str], model: str, folder_id: str) -> BatchTemplate:
        """Return the template of requests for text; see `Api`."""
        if is_of_ocr_v1_alone(model):
            which = f"{show(model)} is a model of ocr/v1, and {self.name} has {' and '.join(self.models)}"
            raise InvalidRequestError([Violation("model", f'{which}: make the client with api="ocr/v1"')])
        config = FeatureTextDetectionConfig(language_codes=languages, model=model)
        feature = Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)
        template = BatchTemplate([feature], folder_id)
        validate(template.message([b""]))
        return template

    def split_request(self, wire: bytes) -> Sequence[bytes]:
        """Return the images of a request; see `Api`."""
        return split_request(wire)

    def count_images(self, request: Message) -> int:
        """Return how many images a request has."""
        return len(cast("BatchAnalyzeRequest", request).analyze_specs)

    def json_body(self, request: Message) -> RequestBody:
        """Return a request as JSON, its images without a copy of their base64."""
        return RequestBody.of_request(cast("BatchAnalyzeRequest", request))

    def read_wire(self, wire: bytes, hide: HideBytes) -> Sequence[WireOutcome]:
        """Return the outcomes of an answer in wire format; see `Api`."""
        try:
            return [
                WireOutcome(hide(result), has_error=True) if has_error(result) else WireOutcome(result, has_error=False)
                for result in split_response(wire)
            ]
        except DecodeError as error:
            message = f"the answer's {len(wire)} bytes are not a BatchAnalyzeResponse: {error}"
            raise ProtocolError(message) from error

    def read_json(self, body: bytes, hide: HideBytes) -> Sequence[JsonOutcome | MessageOutcome]:
        """Return the outcomes of an answer in JSON; see `Api`."""
        return [
            JsonOutcome(item, hide) if isinstance(item, bytes) else _parsed_outcome(item, hide)
            for item in split_results(body, most=self.most_images).items
        ]

    def read_message(self, response: Reply) -> Sequence[MessageOutcome]:
        """Return the outcomes of a parsed answer; see `Api`."""
        return [MessageOutcome(result) for result in cast("BatchAnalyzeResponse", response).results]


def _parsed_outcome(result: AnalyzeResult, hide: HideBytes) -> MessageOutcome:
    if error_of(result) is not None:
        result = AnalyzeResult.FromString(hide(result.SerializeToString()))
    return MessageOutcome(result)


VISION_V1 = VisionV1()
"""The one value of its kind."""
