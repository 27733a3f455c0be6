"""What may be asked of ocr/v1 here: media types and models."""

import pytest
from images_in_bytes import png

from vision_grpc.contract.models import OCR_V1_MODELS
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.ocr_v1.file_kind import FileKind, check_mime_type
from vision_grpc.local.ocr_v1.models import engine_model

_JPEG = b"\xff\xd8\xff\xe0"


@pytest.mark.parametrize(
    ("content", "kind"),
    [(_JPEG, FileKind.JPEG), (png(1), FileKind.PNG), (b"%PDF-1.7", FileKind.PDF), (b"\n\n%PDF-1.4", FileKind.PDF),
     (b"GIF89a", None), (b"", None), (b" " * 1024 + b"%PDF", None)],
)  # fmt: skip
def test_kinds_are_told_by_the_bytes(content: bytes, kind: FileKind | None) -> None:
    assert FileKind.of(content) is kind


@pytest.mark.parametrize(
    ("mime_type", "kind"),
    [("image/jpeg", FileKind.JPEG), ("JPEG", FileKind.JPEG), ("jpg", FileKind.JPEG), (" Image/JPG ", FileKind.JPEG),
     ("PNG", FileKind.PNG), ("image/png; charset=binary", FileKind.PNG), ("application/pdf", FileKind.PDF),
     ("PDF", FileKind.PDF), ("", FileKind.PDF), ("*", FileKind.PNG), ("image", FileKind.JPEG), ("*/*", None),
     ("application/octet-stream", FileKind.JPEG), ("image/jpeg", None)],
)  # fmt: skip
def test_a_media_type_may_be_written_in_many_ways(mime_type: str, kind: FileKind | None) -> None:
    check_mime_type(mime_type, kind)


@pytest.mark.parametrize(
    ("mime_type", "kind", "message"),
    [("application/pdf", FileKind.PNG, "mime_type: it says PDF, but the file is a PNG: send image/png"),
     ("image/png", FileKind.JPEG, "mime_type: it says PNG, but the file is a JPEG: send image/jpeg"),
     ("JPEG", FileKind.PDF, "mime_type: it says JPEG, but the file is a PDF: send application/pdf"),
     ("image/webp", None, "mime_type: 'image/webp' is not read: send image/jpeg, image/png or application/pdf")],
)  # fmt: skip
def test_a_media_type_of_another_kind_is_refused(mime_type: str, kind: FileKind | None, message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check_mime_type(mime_type, kind)
    assert (caught.value.code, caught.value.message) == (Code.INVALID_ARGUMENT, message)


def test_models_that_are_read() -> None:
    assert [engine_model(name) for name in ("", "page", "page-column-sort", "line")] == ["page", "page", "page", "line"]


@pytest.mark.parametrize(
    ("model", "words"),
    [("table", "does not read tables"), ("markdown", "does not read Markdown"), ("handwritten", "handwriting"),
     ("math-markdown", "formulas"), ("passport", "the fields of documents"), ("Page", "unknown model 'Page'"),
     ("x" * 50, "unknown model")],
)  # fmt: skip
def test_models_that_are_not_read_are_named(model: str, words: str) -> None:
    with pytest.raises(ServiceError, match=words) as caught:
        engine_model(model)
    assert caught.value.code == Code.INVALID_ARGUMENT
    assert caught.value.message.endswith("use page, page-column-sort, line")


def _says(model: str) -> str:
    try:
        return engine_model(model)
    except ServiceError as error:
        return error.message


def test_each_model_of_the_documentation_is_known() -> None:
    assert [model for model in OCR_V1_MODELS if "unknown" in _says(model)] == []
