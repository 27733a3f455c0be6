"""One file of ocr/v1: its page, read as an image of vision/v1 is."""

from collections.abc import Sequence

from vision_grpc.config import Limits
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.analysis import Analysis
from vision_grpc.local.ocr_v1.annotation import ocr_annotation
from vision_grpc.local.ocr_v1.file_kind import FileKind, check_mime_type
from vision_grpc.local.ocr_v1.models import engine_model
from vision_grpc.local.ocr_v1.pdf import only_page
from vision_grpc.local.patience import Patience
from vision_grpc.messages import (
    AnalyzeSpec,
    Feature,
    FeatureTextDetectionConfig,
    Page,
    RecognizeTextRequest,
    RecognizeTextResponse,
    Status,
    TextAnnotation,
)

OCR_V1_LIMITS = Limits(content_bytes=10 * 1024 * 1024)
"""What a file may have. The documentation says 10 MB and 20 million pixels."""

_ANY_LANGUAGE = "*"


class Recognition:
    """Reads files by an analysis of images whose limits are those of ocr/v1. Thread-safe."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def recognize(self, request: RecognizeTextRequest, patience: Patience) -> Sequence[RecognizeTextResponse]:
        """Return the page of a file, or as many as the engine gives; the call blocks.

        Raises:
            ServiceError: the file is not one that is read here, or the request asks for what is not done here.
            GivenUpError: the client has left.
        """
        model = engine_model(request.model)
        text = self._read(_picture_of(request), request.language_codes or [_ANY_LANGUAGE], model, patience)
        return [
            RecognizeTextResponse(text_annotation=ocr_annotation(page), page=number)
            for number, page in enumerate(text.pages or [Page()])
        ]

    def _read(self, picture: bytes, languages: Sequence[str], model: str, patience: Patience) -> TextAnnotation:
        config = FeatureTextDetectionConfig(language_codes=languages, model=model)
        feature = Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)
        result = self._analysis.analyze(AnalyzeSpec(content=picture, features=[feature]), patience)
        if result.HasField("error"):
            raise _error_of(result.error)
        [read] = result.results
        if read.HasField("error"):
            raise _error_of(read.error)
        return read.text_detection


def _picture_of(request: RecognizeTextRequest) -> bytes:
    """Return the file of a request as a JPEG or PNG, or what was sent in its place."""
    content = request.content
    kind = FileKind.of(content)
    check_mime_type(request.mime_type, kind)
    return only_page(content, OCR_V1_LIMITS) if kind is FileKind.PDF else content


def _error_of(status: Status) -> ServiceError:
    return ServiceError(Code.from_number(status.code), status.message)
