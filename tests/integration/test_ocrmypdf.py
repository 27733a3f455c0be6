"""OCRmyPDF with our plugin: what it makes of scans, and how it fails."""

import gc
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import img2pdf
import ocrmypdf
import pytest
from documents import make_pdf, scanned
from ocrmypdf.exceptions import BadArgsError, ExitCode, ExitCodeException, InputFileError, MissingDependencyError
from pdf_words import find_words, overlap, polygon, read_lines, rectangle
from PIL import Image
from scanned_pages import ScannedPage
from scripted_service import Service, serve_grpc

from vision_grpc.errors import Code, ServiceError
from vision_grpc.messages import (
    AnalyzeResult,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Block,
    FeatureResult,
    Line,
    Page,
    Status,
    TextAnnotation,
    Word,
)
from vision_grpc.ocrmypdf import runs

_PLUGIN = "vision_grpc.ocrmypdf"


def command(*arguments: object) -> "subprocess.CompletedProcess[str]":
    program = [sys.executable, "-m", "ocrmypdf", "--plugin", _PLUGIN, *map(str, arguments)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("YC_", "VISION_GRPC_"))}
    return subprocess.run(program, capture_output=True, encoding="utf-8", env=environ, check=False)


def made(source: Path, service: Service, **options: Any) -> Path:  # noqa: ANN401 - OCRmyPDF's
    """Return the PDF that OCRmyPDF makes of a file in this process."""
    out = source.with_suffix(".out.pdf")
    usual = {"language": ["rus", "eng"], "output_type": "pdf", "optimize": 0, "progress_bar": False}
    where = {"vision_endpoint": service.address, "vision_insecure": True}
    ocrmypdf.ocr(source, out, plugins=[_PLUGIN], **{**usual, **where, **options})
    return out


def word_at_the_middle(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
    """Answer that each image has a word, over its middle."""
    return BatchAnalyzeResponse(results=[_word_in(spec.content) for spec in request.analyze_specs])


def _word_in(content: bytes) -> AnalyzeResult:
    with Image.open(BytesIO(content)) as picture:
        wide, high = picture.size
    place = polygon(rectangle(wide / 4, high / 4, wide / 2, high / 2))
    line = Line(bounding_box=place, words=[Word(text="слово", bounding_box=place)])
    page = Page(width=wide, height=high, blocks=[Block(lines=[line])])
    return AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=[page]))])


def scan(path: Path, *, pages: int = 1, size: tuple[int, int] = (400, 300), more: bytes = b"") -> Path:
    page = scanned(Image.linear_gradient("L").resize(size), 100)
    path.write_bytes(make_pdf([page._replace(more=more)] * pages))
    return path


def test_a_scan_in_russian_and_english(tmp_path: Path, pages: dict[str, ScannedPage]) -> None:
    texts = [pages["ru_sans"], pages["en_sans"]]
    layout = img2pdf.get_fixed_dpi_layout_fun((150, 150))
    (tmp_path / "in.pdf").write_bytes(img2pdf.convert([str(page.path) for page in texts], layout_fun=layout))
    run = command("-l", "rus+eng", "--vision-local", tmp_path / "in.pdf", tmp_path / "out.pdf")
    assert (run.returncode, run.stdout) == (0, ""), run.stderr
    assert "server process" not in run.stderr
    read = " ".join(read_lines(tmp_path / "out.pdf"))
    for page in texts:
        missing = [word for word in page.text.split() if word not in read]
        assert len(missing) < 5, missing


@pytest.mark.parametrize("turn", [b"", b"/Rotate 90"])
def test_words_are_where_they_were_read(tmp_path: Path, turn: bytes) -> None:
    requests: list[BatchAnalyzeRequest] = []

    def answer(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        requests.append(request)
        return word_at_the_middle(request)

    with serve_grpc(answer) as service:
        pdf = made(scan(tmp_path / "a.pdf", more=turn), service, vision_model="line", sidecar=tmp_path / "a.txt")
    config = requests[0].analyze_specs[0].features[0].text_detection_config
    assert ([*config.language_codes], config.model) == (["ru", "en"], "line")
    (page,) = find_words(pdf)
    wide, high = (288.0, 216.0) if not turn else (216.0, 288.0)
    assert overlap(page.box("слово"), (wide / 4, high / 4, 3 * wide / 4, 3 * high / 4)) > 0.9
    assert (tmp_path / "a.txt").read_text(encoding="utf-8").strip() == "слово"


def test_a_page_that_is_too_large_for_the_service(tmp_path: Path) -> None:
    with serve_grpc(word_at_the_middle) as service:
        pdf = made(scan(tmp_path / "a.pdf", size=(5600, 4000)), service, pdf_renderer="sandwich")
    (page,) = find_words(pdf)
    wide, high = 4032.0, 2880.0
    assert overlap(page.box("слово"), (wide / 4, high / 4, 3 * wide / 4, 3 * high / 4)) > 0.9


def test_a_page_that_fails(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    refused = AnalyzeResult(error=Status(code=Code.INVALID_ARGUMENT, message="is upside down"))

    def answer(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        with Image.open(BytesIO(request.analyze_specs[0].content)) as picture:
            is_second = picture.width == 500
        return BatchAnalyzeResponse(results=[refused]) if is_second else word_at_the_middle(request)

    source = tmp_path / "a.pdf"
    pages = [scanned(Image.linear_gradient("L").resize((width, 300)), 100) for width in (400, 500, 600)]
    source.write_bytes(make_pdf(pages))
    with serve_grpc(answer) as service:
        with pytest.raises(ExitCodeException, match=r"page 2 was not read: .*is upside down") as failed:
            made(source, service)
        assert failed.value.exit_code == ExitCode.child_process_error
        assert "--vision-keep-going" in str(failed.value)
        pdf = made(source, service, vision_keep_going=True)
    assert [page.texts for page in find_words(pdf)] == [["слово"], [], ["слово"]]
    assert "page 2 has no text" in caplog.text


def test_a_service_that_refuses_us_ends_the_run(tmp_path: Path) -> None:
    def refuse(_: BatchAnalyzeRequest) -> ServiceError:
        return ServiceError(Code.PERMISSION_DENIED, "no role for this folder")

    with serve_grpc(refuse) as service, pytest.raises(ExitCodeException, match="no role for this folder") as failed:
        made(scan(tmp_path / "a.pdf"), service, vision_keep_going=True)
    assert failed.value.exit_code == ExitCode.child_process_error


def test_more_pages_than_allowed_are_not_sent(tmp_path: Path) -> None:
    requests: list[BatchAnalyzeRequest] = []

    def answer(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        requests.append(request)
        return word_at_the_middle(request)

    source = scan(tmp_path / "a.pdf", pages=3)
    with serve_grpc(answer) as service:
        with pytest.raises(InputFileError, match="3 pages would be read, more than --vision-max-pages 2"):
            made(source, service, vision_max_pages=2)
        assert not requests
        made(source, service, vision_max_pages=2, pages="1,3", vision_rps=1000)
    assert sum(len(request.analyze_specs) for request in requests) == 2


def test_the_client_ends_with_the_run(tmp_path: Path) -> None:
    with serve_grpc(word_at_the_middle) as service:
        made(scan(tmp_path / "a.pdf"), service)
    gc.collect()
    assert not runs._runs


@pytest.mark.parametrize(
    ("options", "kind", "expected"),
    [
        ({"language": ["rus", "xyz"]}, BadArgsError, "-l xyz: "),
        ({"vision_local": True}, BadArgsError, "--vision-local"),
        ({"vision_rps": 0}, BadArgsError, "--vision-rps"),
        ({"vision_max_pages": 0}, BadArgsError, "--vision-max-pages"),
        ({"vision_endpoint": "http://:1:2"}, BadArgsError, "endpoint"),
        ({"rotate_pages": True}, MissingDependencyError, "--rotate-pages needs Tesseract"),
        ({"deskew": True}, MissingDependencyError, "--deskew needs Tesseract"),
    ],
)
def test_options_that_cannot_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], kind: type[Exception], expected: str
) -> None:
    monkeypatch.setattr(f"{_PLUGIN}.which", lambda _: None)
    with serve_grpc(word_at_the_middle) as service, pytest.raises(kind, match=expected):
        made(scan(tmp_path / "a.pdf"), service, **options)


def test_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("YC_", "VISION_GRPC_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(BadArgsError, match="YC_API_KEY"):
        ocrmypdf.ocr(scan(tmp_path / "a.pdf"), tmp_path / "out.pdf", plugins=[_PLUGIN], progress_bar=False)
