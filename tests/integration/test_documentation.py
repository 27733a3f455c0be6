"""The examples of the README and of docs/, run in a folder with a scan against a local service.

A comment above an example, `<!-- not run: why -->`, takes it out; the reason is there for readers of the source.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scanned_pages import ScannedPage

import vision_grpc
from vision_grpc.local import LocalVision
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import Block, Line, Page, TextAnnotation, Word

_ROOT = Path(__file__).parents[2]
# Each of these has a test of its own, which knows what its examples show.
_TESTED = {
    *("exports.md", "faults.md", "journal.md", "observability.md"),
    *("ocr-v1.md", "pictures.md", "results.md", "testing.md"),
}
_DOCUMENTS = sorted(path for path in (_ROOT / "README.md", *_ROOT.glob("docs/*.md")) if path.name not in _TESTED)
_EXAMPLE = re.compile(
    r"^(?P<skip> *<!-- not run: [^\n]+ -->\n+)?(?P<indent> *)```(?P<language>python|sh)\n(?P<text>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)
_OUTPUT = re.compile(r"^```python\n(?:(?!```).)*```\n\n```\n(?P<lines>.*?)^```$", re.DOTALL | re.MULTILINE)
# Few have it.
_STAND_INS = """
command -v grpcurl >/dev/null || grpcurl() { cat >/dev/null; }
"""


def _examples(path: Path, language: str) -> list[str]:
    found = [each for each in _EXAMPLE.finditer(path.read_text()) if each["language"] == language]
    return [textwrap.dedent(each["text"]) for each in found if not each["skip"]]


def _cases(language: str) -> list[Any]:
    return [pytest.param(path, id=path.name) for path in _DOCUMENTS if _examples(path, language)]


def _read(_: bytes) -> TextAnnotation:
    words = [Word(text=text, confidence=0.9) for text in ("Hello", "world")]
    return TextAnnotation(pages=[Page(blocks=[Block(lines=[Line(words=words)])])])


@pytest.fixture(scope="module")
def service() -> Iterator[LocalVision]:
    with LocalVision(engine=ScriptedEngine(_read)) as vision:
        yield vision


@pytest.fixture
def folder(
    tmp_path: Path, pages: dict[str, ScannedPage], monkeypatch: pytest.MonkeyPatch, service: LocalVision
) -> Path:
    """Be in a folder with what the examples read, with the local service in place of the real one."""
    shutil.copytree(_ROOT / "tests" / "data" / "pages", tmp_path / "tests" / "data" / "pages")
    (tmp_path / "scans").mkdir()
    for name in ("scan.png", "scans/one.png", "scans/two.png"):
        shutil.copy(pages["mixed_sans"].path, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VISION_GRPC_ENDPOINT", f"http://{service.grpc_endpoint}")
    return tmp_path


@pytest.mark.parametrize("document", _cases("python"))
def test_the_python_runs(document: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, Any] = {"__name__": "example", "paths": [*folder.glob("scans/*.png")]}
    scope["AsyncVisionClient"] = vision_grpc.AsyncVisionClient
    for example in _examples(document, "python"):
        if example.startswith("# in a coroutine\n"):
            exec(f"async def example():\n{textwrap.indent(example, '    ')}", scope)  # noqa: S102 - our own text
            asyncio.run(scope["example"]())
        else:
            exec(compile(example, str(document), "exec"), scope)  # noqa: S102
    printed = {_without_digits(line) for line in capsys.readouterr().out.splitlines()}
    for output in _OUTPUT.finditer(document.read_text()):
        assert {_without_digits(line) for line in output["lines"].splitlines()} - {"..."} <= printed


def _without_digits(line: str) -> str:
    """Return a line without what differs from one release of Tesseract to the next, but with the form of numbers."""
    return re.sub(r"\d", "0", re.sub(r"^\d+ \d+ ", "", line))


# On a busy machine, the commands of the README take a minute.
@pytest.mark.timeout(300)
@pytest.mark.parametrize("document", _cases("sh"))
def test_the_commands_run(document: Path, folder: Path, service: LocalVision) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for example in _examples(document, "sh"):
        commands = example.replace("127.0.0.1:8080", service.grpc_endpoint)
        finished = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", f"{_STAND_INS}\n{commands}"],
            cwd=folder,
            env=os.environ | {"PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, f"{example}\n{finished.stderr}"


@pytest.mark.parametrize("document", [pytest.param(path, id=path.name) for path in _DOCUMENTS])
def test_what_is_not_run_is_marked_alone(document: Path) -> None:
    text = document.read_text()
    assert text.count("<!-- not run:") == sum(each["skip"] is not None for each in _EXAMPLE.finditer(text))
