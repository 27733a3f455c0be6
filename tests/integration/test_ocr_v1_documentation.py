"""The examples of docs/ocr-v1.md, run against a local service that serves both APIs."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands_here import runner
from document_results import block, line, page, word
from documents import PdfPage, make_pdf, text
from images_in_bytes import png
from pdf_words import find_words

from vision_grpc.api.choice import API_NAMES, api_of
from vision_grpc.contract.models import OCR_V1_MODELS
from vision_grpc.local import LocalVision
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.local.ocr_v1 import models
from vision_grpc.messages import TextAnnotation

_DOCUMENT = (Path(__file__).parents[2] / "docs" / "ocr-v1.md").read_text()
_READ = TextAnnotation(pages=[page(block(line(word("two", (1, 2, 30, 9), "en"), word("words", (40, 2, 80, 9), "en"))))])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("scan.png", "scans/a.png", "scans/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(png(1))
    for name in ("invoice.pdf", "book.pdf"):
        (tmp_path / name).write_bytes(make_pdf([PdfPage(text("written"))]))
    monkeypatch.chdir(tmp_path)
    # Here the cloud's tables stay empty.
    monkeypatch.setitem(models._READ, "table", "page")
    with LocalVision(engine=ScriptedEngine(lambda _: _READ)) as service:
        monkeypatch.setenv("VISION_GRPC_ENDPOINT", f"http://{service.grpc_endpoint}")
        yield tmp_path


def _examples(language: str) -> list[str]:
    return [*map(textwrap.dedent, re.findall(rf"^ *```{language}\n(.*?)^ *```", _DOCUMENT, re.DOTALL | re.MULTILINE))]


@pytest.mark.usefixtures("folder")
def test_the_examples_run() -> None:
    scope: dict[str, Any] = {"print": lambda *_: None}
    for example in _examples("python"):
        exec(compile(example, "docs/ocr-v1.md", "exec"), scope)  # noqa: S102 - our own text
    assert scope["before"] == scope["after"] == [(f"scans/{name}.png", "two words") for name in "ab"]
    assert scope["old"] == scope["new"] == scope["sure"] == ["two", "words"]


def test_the_commands_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    run = runner(monkeypatch, capfdbinary)
    for command in filter(None, "\n".join(_examples("sh")).splitlines()):
        program, *arguments = shlex.split(command, comments=True)
        if program == "export":
            name, _, value = arguments[0].partition("=")
            monkeypatch.setenv(name, value)
            continue
        assert program == "vision-grpc"
        finished = run(*arguments)
        assert finished.code == 0, finished.stderr
    assert [set(found.texts) for found in find_words(folder / "searchable.pdf")] == [{"written", "two", "words"}]
    assert run("analyze", "--api", "vision/v1", "scan.png", "-o", "results.jsonl").code == 2


def test_the_facts_are_those_of_the_code() -> None:
    table = _DOCUMENT.partition("## What differs")[2].partition("\n## ")[0]
    rows = {cells[0]: cells[1:] for cells in (_cells(row) for row in table.splitlines() if row.startswith("| "))}
    for name, endpoint, path, models_said in zip(
        API_NAMES, rows["endpoint"], rows["REST"], rows["models"], strict=True
    ):
        api = api_of(name)
        assert api is not None
        assert endpoint == f"`{api.endpoint}`"
        assert f"{api.route.verb} {api.route.path}" in path
        named = set(re.findall("`([a-z-]+)`", models_said))
        assert named <= {*(api.models or OCR_V1_MODELS)}


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]
