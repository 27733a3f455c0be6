"""The examples of docs/exports.md, run."""

import re
import shlex
from pathlib import Path
from typing import Any

import duckdb
import pytest
from journaled import SETTINGS, failed, read
from ocr_results import NAMES, SPANS, result_of
from PIL import Image

from vision_grpc.bulk.journal import Journal
from vision_grpc.cli import app
from vision_grpc.cli import export as command_module
from vision_grpc.exports import KINDS

_DOCUMENT = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with Journal.open("results.jsonl", SETTINGS) as journal:
        for result in (read("scans/a.png", "one", "two"), failed("scans/b.png"), read("book.pdf#page=1", "three")):
            journal.write(result)
    with Journal.open("results-fitted.jsonl", SETTINGS) as journal:
        journal.write(read("scans/b.png", "fitted"))
    with Journal.open("tables.jsonl", {**SETTINGS, "api": "ocr/v1"}) as journal:
        journal.write(result_of("scans/a.png", NAMES))
        journal.write(result_of("scans/b.png", NAMES, SPANS))
    (tmp_path / "scans").mkdir()
    Image.new("L", (100, 50), 255).save(tmp_path / "scans" / "a.png")
    return tmp_path


def test_the_examples_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "open_stdout", lambda: None)
    monkeypatch.setattr(command_module, "show_logs", lambda _: None)
    found = list[list[Any]]()
    for language, example in re.findall(r"```(sh|sql|python)\n(.*?)```", _DOCUMENT, re.DOTALL):
        match language:
            case "sh":
                for command in example.splitlines():
                    program, *arguments = shlex.split(command)
                    assert program == "vision-grpc"
                    monkeypatch.setattr("sys.argv", [program, *arguments])
                    assert app.run() in {0, 1}, command
            case "sql":
                table = duckdb.sql(example)
                assert table is not None
                found.append(table.fetchall())
            case _:
                scope: dict[str, object] = {}
                exec(example, scope)  # noqa: S102 - our own documentation
                assert scope.get("text", "one two\n") == "one two\n"
    assert found[:3] == [[], [("book.pdf#page=1", 1, 0.98), ("scans/a.png", 2, 0.98)], [("scans/b.png", "UNAVAILABLE")]]
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {
        "words.tsv",
        "texts.md",
        "texts/scans/a.md",
        "texts/book.md",
        "tables/scans/a.words.csv",
        "csv/scans/a.tables.csv",
        "csv/scans/b.png#table=2.tables.csv",
        "invoice.tables.csv",
        "invoice.tables.html",
        "searchable/scans/a.pdf",
    } <= names


def test_the_table_has_all_formats() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| `(\.[a-z.]+)` \|", _DOCUMENT, re.MULTILINE))
    assert {name: kind.suffix for name, kind in KINDS.items()}.items() <= rows.items()
