"""The two APIs as a scripted service speaks them: scripts are written for the messages of vision/v1 alone."""

from collections.abc import Sequence
from typing import Any, cast

from google.protobuf.message import Message

from vision_grpc.api.api import Api
from vision_grpc.api.ocr_v1 import OCR_V1
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.ocr_v1.annotation import ocr_annotation
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureTextDetectionConfig,
    RecognizeTextRequest,
    RecognizeTextResponse,
)
from vision_grpc.results import annotation_of
from vision_grpc.results.outcomes import error_of


class Dialect:
    """vision/v1: what a script says is sent as it is."""

    api: Api = VISION_V1
    request_class: type[Message] = BatchAnalyzeRequest

    def read_request(self, message: Message) -> BatchAnalyzeRequest:
        """Return the request of vision/v1 that says the same."""
        return cast("BatchAnalyzeRequest", message)

    def reply(self, response: BatchAnalyzeResponse) -> Reply:
        """Return what the faces of the local service send."""
        return Reply(message=response)

    def garbage(self, body: bytes) -> Reply:
        """Return what the faces send in place of an answer."""
        return Reply(message=BatchAnalyzeResponse(), body=body)

    def in_memory(self, response: BatchAnalyzeResponse) -> Any:  # noqa: ANN401 - of either API
        """Return what a handler of `MemoryTransport` returns."""
        return response


class OcrDialect(Dialect):
    """ocr/v1: a file a request, whose error ends the call."""

    api: Api = OCR_V1
    request_class: type[Message] = RecognizeTextRequest

    def read_request(self, message: Message) -> BatchAnalyzeRequest:
        request = cast("RecognizeTextRequest", message)
        config = FeatureTextDetectionConfig(language_codes=request.language_codes, model=request.model)
        feature = Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)
        return BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=request.content, features=[feature])])

    def reply(self, response: BatchAnalyzeResponse) -> Reply:
        statuses = [result.error for result in response.results if result.HasField("error")]
        statuses += [each.error for result in response.results for each in result.results if each.HasField("error")]
        pages = self._pages(response)
        if statuses and not pages:
            return Reply(status=statuses[0])
        return Reply(stream=pages, status=statuses[0] if statuses else None)

    def garbage(self, body: bytes) -> Reply:
        return Reply(stream=[RecognizeTextResponse()], body=body)

    def in_memory(self, response: BatchAnalyzeResponse) -> Any:  # noqa: ANN401
        for result in response.results:
            if (error := error_of(result)) is not None:
                raise ServiceError(Code(error.code), error.message)
        return self._pages(response)

    def _pages(self, response: BatchAnalyzeResponse) -> Sequence[RecognizeTextResponse]:
        texts = [text for result in response.results if (text := annotation_of(result)) is not None]
        return [
            RecognizeTextResponse(page=number, text_annotation=ocr_annotation(page))
            for number, page in enumerate(page for text in texts for page in text.pages)
        ]


VISION_DIALECT = Dialect()
OCR_DIALECT = OcrDialect()
