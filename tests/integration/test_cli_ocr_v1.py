"""The command line with `--api ocr/v1`."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands_here import Run, runner
from images_in_bytes import png
from ocr_service import OcrService, Stream, serve_ocr
from scanned_pages import FOLDER

from vision_grpc.bulk.journal.reader import read_journal
from vision_grpc.errors import Code, ServiceError
from vision_grpc.messages import RecognizeTextRequest, RecognizeTextResponse


def _answer(request: RecognizeTextRequest) -> Stream:
    if len(request.content) < 20:
        return Stream(error=ServiceError(Code.INVALID_ARGUMENT, "no image"))
    page = RecognizeTextResponse(page=1)
    page.text_annotation.markdown = "# read"
    page.text_annotation.blocks.add().lines.add(text=f"read as {request.mime_type} by {request.model}")
    return Stream([page])


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    return runner(monkeypatch, capfdbinary)


@pytest.fixture
def service() -> Iterator[OcrService]:
    with serve_ocr(_answer, "grpc") as service:
        yield service


@pytest.fixture
def there(service: OcrService) -> tuple[str, ...]:
    return ("--endpoint", service.address, "--insecure")


def test_a_pdf_is_sent_as_it_is(run: Run, there: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 and so on, for long enough")
    finished = run("analyze", "--api", "ocr/v1", "--model", "table", *there, "a.pdf")
    assert (finished.code, finished.stdout.strip()) == (0, b"read as PDF by table")


@pytest.mark.parametrize("place", ["scans", "scans.tar", "list", "manifest"])
def test_pdfs_belong_to_what_is_read_of_a_place(run: Run, there: tuple[str, ...], tmp_path: Path, place: str) -> None:
    (tmp_path / "scans" / "old").mkdir(parents=True)
    (tmp_path / "scans" / "1.png").write_bytes(png(1))
    # Mail and print systems leave lines before the signature.
    (tmp_path / "scans" / "2.pdf").write_bytes(b"\n\n%PDF-1.7 and so on, for long enough")
    (tmp_path / "scans" / "old" / "3.PDF").write_bytes(b"%PDF-1.7 and so on, for long enough")
    with tarfile.open("scans.tar", "w") as tar:
        tar.add("scans")
    (tmp_path / "list").write_text("scans\n")
    (tmp_path / "manifest").write_text('{"path": "scans", "key": "k"}\n')
    places = {"list": ("--files-from", "list"), "manifest": ("--manifest", "manifest")}.get(place, (place,))
    dry = run("analyze", "--api", "ocr/v1", "--dry-run", *places)
    assert dry.code == 0, dry.stderr
    assert "billed: at least 3 units, as 2 PDFs are billed by page" in dry.text
    options = ("--api", "ocr/v1", "--no-deferred", "--model", "page", "-o", "out.jsonl")
    finished = run("analyze", *options, *there, *places)
    assert finished.code == 0, finished.stderr
    assert "skipped" not in finished.stderr
    read = sorted(line.text for line in read_journal(tmp_path / "out.jsonl", last_only=True))
    assert read == ["read as PDF by page", "read as PDF by page", "read as PNG by page"]
    other = run("analyze", "--api", "vision/v1", "--dry-run", *places)
    assert "2 files skipped: 2 .pdf" in other.text


def test_a_manifest_names_models_of_the_api(run: Run, there: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    (tmp_path / "manifest").write_text('{"path": "a.png", "model": "table"}\n')
    finished = run("analyze", "--api", "ocr/v1", "--no-deferred", *there, "--manifest", "manifest")
    assert (finished.code, finished.text.splitlines()[-1]) == (0, "read as PNG by table")
    other = run("analyze", "--api", "vision/v1", *there, "--manifest", "manifest")
    assert other.code == 2
    assert "model is 'table', expected page or line" in other.stderr


def test_a_pdf_of_several_pages_is_said_to_need_deferred(run: Run, tmp_path: Path) -> None:
    (tmp_path / "two.pdf").write_bytes(b"%PDF-1.7 and so on, for long enough")
    error = ServiceError(Code.INVALID_ARGUMENT, "2 pages")
    with serve_ocr(lambda _: Stream(error=error), "grpc") as service:
        there = ("--endpoint", service.address, "--insecure")
        finished = run("analyze", "--api", "ocr/v1", "--no-deferred", *there, "two.pdf")
    assert finished.code == 2
    assert "error: two.pdf: 2 pages; a PDF of several pages is read with --deferred\n" in finished.stderr


def test_the_variable_chooses_too(
    run: Run, there: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISION_GRPC_API", "ocr/v1")
    (tmp_path / "a.png").write_bytes(png(1))
    finished = run("analyze", *there, "-o", "out.jsonl", "a.png")
    assert finished.code == 0, finished.stderr
    assert json.loads((tmp_path / "out.jsonl").read_bytes().splitlines()[0])["journal"]["settings"]["api"] == "ocr/v1"
    [line] = read_journal(tmp_path / "out.jsonl")
    assert line.image_result().markdown == "# read"
    other = run("analyze", "--api", "vision/v1", *there, "-o", "out.jsonl", "a.png")
    assert other.code == 2
    assert "api" in other.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--model", "table"),
            "--model 'table' is not one of page, line, which vision/v1 has: add --api ocr/v1, which has it",
        ),
        (("--model", "poem"), "--model 'poem' is not one of page, line, which vision/v1 has (see"),
        (("--api", "ocr/v3"), "ocr/v3"),
        (("--api", "ocr/v1", "--model", "m" * 51), "--model: is 51 characters long"),
    ],
)
def test_what_an_api_does_not_have_is_named(run: Run, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    finished = run("analyze", *options, "a.png")
    assert finished.code == 2
    assert said in finished.stderr


def test_the_doctor_names_the_api_and_tries_it(run: Run, there: tuple[str, ...]) -> None:
    finished = run("doctor", "--api", "ocr/v1", *there, "--call")
    assert finished.code == 0, finished.stdout
    assert b"API ocr/v1" in finished.stdout
    assert b"call" in finished.stdout


def test_the_local_service_reads_by_either_api(run: Run) -> None:
    page = str(min(FOLDER.glob("*.png")))
    texts = [run("analyze", "--local", "--api", api, "-l", "en", page).stdout for api in ("vision/v1", "ocr/v1")]
    assert texts[0] == texts[1] != b""


@pytest.mark.parametrize(
    ("code", "message", "told", "exit_code"),
    [
        (Code.INVALID_ARGUMENT, "cannot decode image", "as it should: cannot decode image", 0),
        (Code.INVALID_ARGUMENT, "Unknown folder id b1g", "Unknown folder id b1g", 1),
        (Code.INVALID_ARGUMENT, "unsupported language", "unsupported language", 1),
        (Code.PERMISSION_DENIED, "no access", "give the account the role", 1),
        (Code.UNIMPLEMENTED, "unknown method", "another service answers there", 1),
        (None, "", "is this ocr/v1?", 0),
    ],
)
def test_the_doctor_tells_a_file_that_is_refused_from_the_rest(
    run: Run, code: Code | None, message: str, told: str, exit_code: int
) -> None:
    def answer(_: RecognizeTextRequest) -> Stream:
        if code is not None:
            return Stream(error=ServiceError(code, message))
        return _answer(RecognizeTextRequest(content=png(1)))

    with serve_ocr(answer, "grpc") as service:
        there = ("--endpoint", service.address, "--insecure", "--transport", "grpc")
        finished = run("doctor", "--api", "ocr/v1", *there, "--call")
    text = " ".join(finished.stdout.decode().split())
    assert told in text, text
    assert finished.code == exit_code
