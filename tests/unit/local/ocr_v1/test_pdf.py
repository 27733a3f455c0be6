"""PDFs where PDFium is not installed, or has no room."""

import pytest

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.ocr_v1.pdf import Pdf
from vision_grpc.local.ocr_v1.recognition import OCR_V1_LIMITS
from vision_grpc.sources.containers.pdf.document import Document


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [(ModuleNotFoundError("No pypdfium2"), Code.FAILED_PRECONDITION, "pip install 'vision-grpc[images]'"),
     (OSError(28, "No space left on device"), Code.RESOURCE_EXHAUSTED, "No space left on device")],
)  # fmt: skip
def test_what_is_missing_is_named(error: Exception, code: Code, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Document) -> int:
        raise error

    monkeypatch.setattr(Document, "count_pages", fail)
    with pytest.raises(ServiceError) as caught:
        Pdf(b"%PDF-1.7", OCR_V1_LIMITS, most_pages=1)
    assert caught.value.code == code
    assert words in caught.value.message
