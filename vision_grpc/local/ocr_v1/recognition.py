"""The files of ocr/v1, whose pages are read as images of vision/v1 are."""

from collections.abc import Sequence
from typing import Protocol

from vision_grpc.config import Limits
from vision_grpc.contract.image_header import check_image, describe_excess_bytes
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.analysis import Analysis
from vision_grpc.local.ocr_v1.annotation import ocr_annotation
from vision_grpc.local.ocr_v1.file_kind import FileKind, check_mime_type
from vision_grpc.local.ocr_v1.models import engine_model
from vision_grpc.local.ocr_v1.pdf import Pdf
from vision_grpc.local.patience import Patience
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    Feature,
    FeatureTextDetectionConfig,
    OcrTextAnnotation,
    Page,
    RecognizeTextRequest,
    RecognizeTextResponse,
    Status,
    TextAnnotation,
)

OCR_V1_LIMITS = Limits(content_bytes=10 * 1024 * 1024)
"""What a file may have. The documentation says 10 MB and 20 million pixels."""

DEFERRED_PAGES = 200
"""How many pages a PDF may have that is read in the background. The synchronous call takes one."""

_ANY_LANGUAGE = "*"


class _Pictures(Protocol):
    pages: int

    def picture(self, number: int) -> bytes:
        """Return a page as a JPEG or PNG, or what was sent in its place; they count from 0."""
        ...


class Recognition:
    """Reads files by an analysis of images whose limits are those of ocr/v1. Thread-safe."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def check(self, request: RecognizeTextRequest) -> None:
        """Pass a request about which nothing is wrong at first sight.

        Raises:
            ServiceError: the file is not one that is read here, or the request asks for what is not done here.
        """
        engine_model(request.model)
        kind = FileKind.of(request.content)
        check_mime_type(request.mime_type, kind)
        if kind is not FileKind.PDF:
            problem = check_image(request.content, OCR_V1_LIMITS)
        elif len(request.content) > OCR_V1_LIMITS.content_bytes:
            problem = describe_excess_bytes(len(request.content), OCR_V1_LIMITS)
        else:
            problem = None
        if problem is not None:
            raise ServiceError(Code.INVALID_ARGUMENT, problem)

    def open(self, request: RecognizeTextRequest, *, most_pages: int) -> "OcrFile":
        """Return the file of a request that `check` has passed; the call blocks.

        Raises:
            ServiceError: it is a PDF that cannot be opened, or has no page or more than `most_pages`.
        """
        content = request.content
        is_pdf = FileKind.of(content) is FileKind.PDF
        pictures = Pdf(content, OCR_V1_LIMITS, most_pages=most_pages) if is_pdf else _OnePicture(content)
        config = FeatureTextDetectionConfig(
            language_codes=request.language_codes or [_ANY_LANGUAGE], model=engine_model(request.model)
        )
        return OcrFile(self._analysis, pictures, config)

    def recognize(self, request: RecognizeTextRequest, patience: Patience) -> Sequence[RecognizeTextResponse]:
        """Return the page of a file, or as many as the engine gives; the call blocks.

        Raises:
            ServiceError: the file is not one that is read here, or the request asks for what is not done here.
            GivenUpError: the client has left.
        """
        self.check(request)
        texts = self.open(request, most_pages=1).read(0, patience)
        return [RecognizeTextResponse(text_annotation=text, page=number) for number, text in enumerate(texts)]


class OcrFile:
    """A file whose pages are read one by one, in any order. Thread-safe."""

    def __init__(self, analysis: Analysis, pictures: _Pictures, config: FeatureTextDetectionConfig) -> None:
        self._analysis = analysis
        self._pictures = pictures
        self._config = config

    @property
    def pages(self) -> int:
        """How many pages it has."""
        return self._pictures.pages

    def read(self, number: int, patience: Patience) -> Sequence[OcrTextAnnotation]:
        """Return the text of a page, which counts from 0, or as many as the engine makes of it; the call blocks.

        Raises:
            ServiceError: the page cannot be read.
            GivenUpError: nobody waits for it any more.
        """
        feature = Feature(type=Feature.TEXT_DETECTION, text_detection_config=self._config)
        spec = AnalyzeSpec(content=self._pictures.picture(number), features=[feature])
        text = _text_of(self._analysis.analyze(spec, patience))
        return [ocr_annotation(page) for page in text.pages or [Page()]]


class _OnePicture:
    """A file that is a picture itself."""

    pages = 1

    def __init__(self, content: bytes) -> None:
        self._content = content

    def picture(self, number: int) -> bytes:  # noqa: ARG002 - there is one
        return self._content


def _text_of(result: AnalyzeResult) -> TextAnnotation:
    if result.HasField("error"):
        raise _error_of(result.error)
    [read] = result.results
    if read.HasField("error"):
        raise _error_of(read.error)
    return read.text_detection


def _error_of(status: Status) -> ServiceError:
    return ServiceError(Code.from_number(status.code), status.message)
