"""ocr/v1 of the local service, as plain clients of gRPC and REST meet it."""

import base64
import http.client
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from documents import PdfPage, make_pdf, scanned, text
from images_in_bytes import png
from PIL import Image

from vision_grpc.codec.json import from_json
from vision_grpc.errors import Code
from vision_grpc.local import Identities, LocalVision
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    Feature,
    FeatureTextDetectionConfig,
    OcrTextAnnotation,
    Page,
    RecognizeTextRequest,
    RecognizeTextResponse,
    TextAnnotation,
)
from vision_grpc_pb.yandex.cloud.ai.ocr.v1 import ocr_pb2
from vision_grpc_pb.yandex.cloud.ai.ocr.v1.ocr_service_pb2_grpc import TextRecognitionServiceStub
from vision_grpc_pb.yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

WAIT_S = 60
PATH = "/ocr/v1/recognizeText"
METHOD = "TextRecognitionService/Recognize"
SCAN = (Path(__file__).parents[1] / "data/pages/mixed_sans.png").read_bytes()
LANGUAGES = ["ru", "en"]
PAGE = (Path(__file__).parents[1] / "data/pages/en_sans.png").read_bytes()
SMALL = RecognizeTextRequest(content=png(1))
PAGES = TextAnnotation(pages=[Page(width=width, height=7) for width in (1, 2, 3)])
"""More than a file has here, so that streams have something to lose."""


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    with LocalVision() as service:
        yield service


@pytest.fixture(scope="module")
def scripted() -> Iterator[LocalVision]:
    with LocalVision(engine=ScriptedEngine(lambda _: PAGES)) as service:
        yield service


def by_grpc(
    vision: LocalVision, request: RecognizeTextRequest, **metadata: str
) -> tuple[list[RecognizeTextResponse], Code, str]:
    """Return the pages of a call, and the code and the message that it ended with."""
    pages: list[RecognizeTextResponse] = []
    sent = tuple((name.replace("_", "-"), value) for name, value in metadata.items())
    with grpc.insecure_channel(vision.grpc_endpoint, [("grpc.max_receive_message_length", -1)]) as channel:
        try:
            pages.extend(TextRecognitionServiceStub(channel).Recognize(request, metadata=sent, timeout=WAIT_S))
        except grpc.RpcError as error:
            return pages, Code[error.code().name], error.details() or ""
    return pages, Code.OK, ""


def by_rest(vision: LocalVision, request: dict[str, Any], **headers: str) -> tuple[int, list[dict[str, Any]]]:
    """Return the HTTP status of a call, and the lines of its answer."""
    connection = http.client.HTTPConnection(urlsplit(vision.rest_endpoint).netloc, timeout=WAIT_S)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", PATH, json.dumps(request), named)
    response = connection.getresponse()
    lines = response.read().splitlines()
    connection.close()
    return response.status, [json.loads(line) for line in lines]


def in_json(content: bytes, **fields: object) -> dict[str, Any]:
    return {"content": base64.b64encode(content).decode(), **fields}


def only_text(vision: LocalVision, content: bytes, **fields: str) -> OcrTextAnnotation:
    answer = by_grpc(vision, RecognizeTextRequest(content=content, language_codes=LANGUAGES, **fields))
    [page], code, message = answer
    assert (code, message, page.page) == (Code.OK, "", 0)
    return page.text_annotation


def words_of(read: OcrTextAnnotation) -> list[str]:
    return [word.text for block in read.blocks for line in block.lines for word in line.words]


def test_both_apis_and_both_faces_read_the_same_words(vision: LocalVision) -> None:
    config = FeatureTextDetectionConfig(language_codes=LANGUAGES)
    feature = Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)
    old = BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=SCAN, features=[feature])])
    with grpc.insecure_channel(vision.grpc_endpoint) as channel:
        [result] = VisionServiceStub(channel).BatchAnalyze(old, timeout=WAIT_S).results
    [page] = result.results[0].text_detection.pages
    words = [word for block in page.blocks for line in block.lines for word in line.words]
    read = only_text(vision, SCAN, mime_type="PNG")
    assert words_of(read) == [word.text for word in words]
    assert read.full_text.split() == [part for word in words for part in word.text.split()]
    boxes = [[(v.x, v.y) for v in word.bounding_box.vertices] for word in words]
    ours = [word for block in read.blocks for line in block.lines for word in line.words]
    assert [[(v.x, v.y) for v in word.bounding_box.vertices] for word in ours] == boxes
    assert (read.width, read.height, read.rotate) == (page.width, page.height, ocr_pb2.ANGLE_0)

    asked = in_json(SCAN, mimeType="PNG", languageCodes=LANGUAGES, model="page")
    status, [line] = by_rest(vision, asked, x_folder_id="b1g0", x_data_logging_enabled="true")
    assert status == 200
    assert from_json(json.dumps(line["result"]).encode(), RecognizeTextResponse).text_annotation == read


def test_a_page_on_its_side_says_so(vision: LocalVision) -> None:
    with Image.open(io.BytesIO(SCAN)) as page, io.BytesIO() as file:
        page.transpose(Image.Transpose.ROTATE_270).save(file, "PNG")
        read = only_text(vision, file.getvalue())
    assert read.rotate == ocr_pb2.ANGLE_90
    assert read.full_text.startswith("Договор поставки")


def test_a_pdf_of_one_page_is_read(vision: LocalVision) -> None:
    with Image.open(io.BytesIO(SCAN)) as page:
        read = only_text(vision, make_pdf([scanned(page.convert("L"), 150)]), mime_type="application/pdf")
    assert {"Договор", "поставки", "от", "марта"} <= set(words_of(read))
    assert (read.width, read.height) == (1240, 728)


ONE, TWO = (PdfPage(text(each)) for each in ("one", "two"))
ONE_PAGE = make_pdf([ONE])
REFUSED: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "two pages": (make_pdf([ONE, TWO]), {}, "the PDF has 2 pages, and this call reads one"),
    "no page": (make_pdf([]), {}, "the PDF has no pages"),
    "encrypted": (make_pdf([ONE], opened_by="secret"), {}, "the PDF is encrypted and needs a password"),
    "cut": (ONE_PAGE[: len(ONE_PAGE) // 4], {}, "the PDF is damaged"),
    "no PDF behind its name": (b"%PDF-1.7", {}, "the PDF is damaged"),
    "empty": (b"", {}, "the file is empty"),
    "WebP": (b"RIFF\0\0\0\0WEBPVP8 ", {}, "the file is a WebP"),
    "too large": (png(1, size=10 * 1024 * 1024 + 1), {}, "the file has 10,485,"),
    "too large a PDF": (b"%PDF-1.7" + bytes(10 * 1024 * 1024), {}, "the file has 10,485,768 bytes"),
    "another media type": (png(1), {"mime_type": "application/pdf"}, "mime_type: it says PDF, but the file is a PNG"),
    "unknown language": (PAGE, {"language_codes": ["xx"]}, "unknown language code 'xx'"),
    "all and another": (PAGE, {"language_codes": ["*", "en"]}, "'*' stands for all languages"),
    "tables": (png(1), {"model": "table"}, "the local service does not read tables"),
    "unknown model": (png(1), {"model": "pages"}, "unknown model 'pages'"),
    "a long model": (png(1), {"model": "x" * 51}, "model"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_one_clear_error(vision: LocalVision, name: str) -> None:
    content, fields, message = REFUSED[name]
    pages, code, told = by_grpc(vision, RecognizeTextRequest(content=content, **fields))
    assert (pages, code) == ([], Code.INVALID_ARGUMENT)
    assert message in told
    status, [line] = by_rest(vision, in_json(content, **fields))
    assert (status, line["error"]["grpcCode"], line["error"]["httpCode"]) == (400, 3, 400)
    assert line["error"]["message"] == told


def test_files_of_more_than_a_megabyte_are_read(scripted: LocalVision) -> None:
    pages, code, _ = by_grpc(scripted, RecognizeTextRequest(content=png(1, size=9_000_000)))
    assert (len(pages), code) == (3, Code.OK)


@pytest.mark.parametrize("spelling", ["mimeType", "mime_type"])
def test_older_spellings_single_values_and_unknown_fields_are_taken(scripted: LocalVision, spelling: str) -> None:
    asked = in_json(png(1), **{spelling: "image/png", "languageCodes": "ru", "folderId": "b1g0"})
    status, lines = by_rest(scripted, asked)
    assert (status, [line["result"]["textAnnotation"]["width"] for line in lines]) == (200, ["1", "2", "3"])


def test_callers_must_say_who_they_are() -> None:
    identities = Identities()
    with LocalVision(engine=ScriptedEngine(lambda _: PAGES), identities=identities) as vision:
        assert by_grpc(vision, SMALL)[1] == Code.UNAUTHENTICATED
        status, [line] = by_rest(vision, in_json(png(1)))
        assert (status, line["error"]["grpcCode"]) == (401, 16)
        assert by_grpc(vision, SMALL, authorization=f"Api-Key {identities.api_key}")[1] == Code.OK


def test_the_quota_counts_calls_of_both_apis() -> None:
    config = ServiceConfig(requests_per_s=0.01)
    with LocalVision(engine=ScriptedEngine(lambda _: PAGES), config=config) as vision:
        assert by_grpc(vision, SMALL)[1] == Code.OK
        assert by_grpc(vision, SMALL)[1] == Code.RESOURCE_EXHAUSTED
        status, [line] = by_rest(vision, in_json(png(1)))
        assert (status, line["error"]["grpcCode"]) == (429, 8)


@pytest.mark.parametrize(
    ("fault", "widths", "code"),
    [("code=UNAVAILABLE", [], Code.UNAVAILABLE), ("code=UNAVAILABLE; pages=1", [1], Code.UNAVAILABLE),
     ("code=INTERNAL; pages=9", [1, 2, 3], Code.INTERNAL), ("short", [1, 2], Code.OK), ("short=3", [], Code.OK),
     ("extra=2", [1, 2, 3, 3, 3], Code.OK), ("image-error=NOT_FOUND", [], Code.NOT_FOUND),
     ("oversized=100000", [1, 2, 3], Code.OK), ("swapped", [1, 2, 3], Code.OK)],
)  # fmt: skip
def test_faults_strike_streams(scripted: LocalVision, fault: str, widths: list[int], code: Code) -> None:
    pages, ended, _ = by_grpc(scripted, SMALL, x_fault=fault)
    assert ([page.text_annotation.width for page in pages], ended) == (widths, code)
    status, lines = by_rest(scripted, in_json(png(1)), x_fault=fault)
    read = [int(line["result"]["textAnnotation"]["width"]) for line in lines if "result" in line]
    errors = [line["error"]["grpcCode"] for line in lines if "error" in line]
    assert (read, errors) == (widths, [] if code is Code.OK else [code])
    assert status == (200 if widths or code is Code.OK else code.http_status)


def test_a_stream_of_garbage_and_one_that_is_cut(scripted: LocalVision) -> None:
    assert by_grpc(scripted, SMALL, x_fault="garbage")[1] == Code.INTERNAL
    pages, code, _ = by_grpc(scripted, SMALL, x_fault="cut=12")
    assert len(pages) < 3
    assert code is not Code.OK
    connection = http.client.HTTPConnection(urlsplit(scripted.rest_endpoint).netloc, timeout=WAIT_S)
    connection.request("POST", PATH, json.dumps(in_json(png(1))), {"x-fault": "cut=60"})
    with connection.getresponse() as response, pytest.raises(http.client.IncompleteRead) as caught:
        response.read()
    connection.close()
    assert len(caught.value.partial) == 60


def test_the_log_of_calls_and_the_metrics_have_it(scripted: LocalVision) -> None:
    assert by_grpc(scripted, SMALL, x_test_id="logged")[1] == Code.OK
    connection = http.client.HTTPConnection(urlsplit(scripted.rest_endpoint).netloc, timeout=WAIT_S)
    connection.request("GET", "/_vision/requests?test_id=logged")
    [row] = json.loads(connection.getresponse().read())["requests"]
    assert (row["method"].rpartition(".")[2], row["images"], row["code"]) == (METHOD, 1, "OK")
    connection.request("GET", "/metrics")
    metrics = connection.getresponse().read().decode()
    assert 'vision_calls_total{code="OK",method="Recognize",transport="grpc"}' in metrics
    connection.close()
