"""The examples of docs/pictures.md, run."""

import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import journaled
import pytest
from commands_here import Run, runner
from documents import make_pdf, scanned
from PIL import Image, ImageDraw, ImageFont
from placed_words import Placed, placed

from vision_grpc.bulk.journal import LineWriter

_DOCUMENT = (Path(__file__).parents[2] / "docs" / "pictures.md").read_text()
_SIZE = (300, 80)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    return runner(monkeypatch, capfdbinary)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    picture = Image.new("L", _SIZE, 255)
    ImageDraw.Draw(picture).text((20, 20), "word", fill=0, font=ImageFont.load_default(30))
    (tmp_path / "scans" / "2024").mkdir(parents=True)
    writer = LineWriter("wire")
    lines = [writer.render(journaled.failed("scans/failed.png"))]
    for key in ("scan.png", "scans/2024/a.png"):
        picture.save(key)
        lines.append(writer.render(placed(key, [[Placed("word", (20, 20, 90, 50))]], _SIZE)))
    Path("results.jsonl").write_bytes(b"".join(lines))
    Path("book.pdf").write_bytes(make_pdf([scanned(picture, 100)]))
    return tmp_path


def test_the_examples_run(folder: Path, run: Run) -> None:
    result = placed("scans/2024/a.png", [[Placed("word", (20, 20, 90, 50))]], _SIZE)
    scope = {
        "result": result,
        "paths": ["scans/2024/a.png"],
        "client": SimpleNamespace(analyze_many=lambda _: [result]),
    }
    for language, example in re.findall(r"```(sh|python)\n(.*?)```", _DOCUMENT, re.DOTALL):
        if language == "python":
            exec(example, scope)  # noqa: S102 - our own documentation
            continue
        for line in example.splitlines():
            program, command, *arguments = shlex.split(line.replace("/mnt/scans", "scans"), comments=True)
            assert program == "vision-grpc"
            if command == "overlay" and not {"--from", "--local"} & {*arguments}:
                arguments.append("--local")
            finished = run(command, *arguments)
            # Of the journal, one image has failed.
            assert finished.code == int("overlays/" in arguments and "--from" in arguments), (line, finished.stderr)
    drawn = {str(path.relative_to(folder)) for path in folder.rglob("*.*") if path.is_file()}
    assert {
        "scan.overlay.png",
        "boxes.webp",
        "boxes.png",
        "overlays/scan.overlay.png",
        "overlays/scans/2024/a.overlay.png",
        "overlays/book.pdf#page=1.overlay.png",
        "report.html",
    } <= drawn
    assert b"data:image/jpeg" in (folder / "report.html").read_bytes()
