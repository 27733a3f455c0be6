"""Journals as duckdb, pandas and jq read them, by the examples of the documentation."""

import contextlib
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from journaled import SETTINGS, failed, read, sent

from vision_grpc.bulk.journal import Accepted, Answers, Journal, LineWriter
from vision_grpc.bulk.journal.accepted import render_accepted
from vision_grpc.errors import Code
from vision_grpc.results import ImageResult
from vision_grpc.sources.fit.change import Change, Origin

_DOCUMENT = Path(__file__).parents[2] / "docs" / "journal.md"
_ODD = ["caf\udce9.png", r"caf\xe9.png", "a\nb\t.png", "\0", "2024-01-01", "007", "a\u2028b\x85", '"', "\ud800"]
_SHOWN = [r"caf\xe9.png", r"caf\xe9.png", "a\nb\t.png", "\0", "2024-01-01", "007", "a\u2028b\x85", '"', r"\ud800"]


def _examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", _DOCUMENT.read_text(), re.DOTALL)


def _query(text: str) -> list[tuple[Any, ...]]:
    result = duckdb.sql(text)
    assert result is not None
    return result.fetchall()


@pytest.fixture(params=["wire", "json", "none"])
def journal(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    answers: Answers = request.param
    path = tmp_path / "results.jsonl"
    with Journal.open(path, SETTINGS, answers=answers) as journal:
        for key in _ODD:
            journal.write(read(key, "слово", key.encode("utf-8", "replace").decode()))
        journal.write(failed("b.png", message="bad \udcff name"), sent("b.png", languages=["ru"]))
        journal.accept(Accepted("b.png", "op-1", 1_700_000_000))
        journal.write(read("b.png", "two", "words"))
        journal.write(failed("c.png", Code.NOT_FOUND))
        journal.accept(Accepted("c.png", "op-2", 1_700_000_000))
        journal.accept(Accepted("caf\udce9 2.png", "op-3", 1_700_000_000, "0f", {"format": "TIFF"}, 12))
        change = Change(Origin("TIFF", (4000, 3000), dpi=300.0), (1000, 750), "JPEG", 90)
        journal.write(failed("d.tif", Code.UNAVAILABLE), sent("d.tif", started_at=1_700_000_000), change)
        journal.finish({"ok": 10, "failed": 2})
    # A damaged line is blanked.
    path.write_bytes(path.read_bytes() + b'{"key":"torn')
    with Journal.open(path, SETTINGS, answers=answers) as journal:
        journal.write(failed("e.png", Code.UNAVAILABLE))
    monkeypatch.chdir(tmp_path)
    return path


def test_duckdb_reads_it(journal: Path) -> None:
    del journal
    [example] = _examples("sql")
    assert _query(example) == [("UNAVAILABLE", 2), ("NOT_FOUND", 1)]
    keys = _query("SELECT key, text FROM 'results.jsonl' WHERE ok")
    assert [key for key, _ in keys] == [*_SHOWN, "b.png"]
    assert keys[-1] == ("b.png", "two words")
    kept = _query("SELECT from_base64(key_bytes) FROM 'results.jsonl' WHERE key_bytes <> ''")
    assert kept[0] == (b"caf\xe9.png",)


def test_the_last_line_counts_where_the_clock_was_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal.open(tmp_path / "results.jsonl", SETTINGS) as journal:
        journal.write(failed("a.png"), finished_at=1_700_000_000)
        journal.write(read("a.png", "one"), finished_at=1_600_000_000)
        journal.write(read("b.png", "two"), finished_at=1_700_000_000)
        journal.write(failed("b.png"), finished_at=1_600_000_000)
        journal.write(failed("caf\udce9.png"))
        journal.write(read(r"caf\xe9.png", "three"))
    monkeypatch.chdir(tmp_path)
    [example] = _examples("sql")
    assert _query(example) == [("UNAVAILABLE", 2)]


def test_jq_reads_it(journal: Path) -> None:
    if shutil.which("jq") is None:
        pytest.skip("this machine has no jq")
    del journal
    [example] = _examples("sh")
    texts, failures = [
        subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True).stdout.decode()
        for line in example.splitlines()
    ]
    assert texts.endswith("two words\n")
    assert failures.split() == [
        "b.png",
        "UNAVAILABLE",
        "c.png",
        "NOT_FOUND",
        "d.tif",
        "UNAVAILABLE",
        "e.png",
        "UNAVAILABLE",
    ]


def test_pandas_reads_it(journal: Path) -> None:
    example, with_boxes = _examples("python")
    names: dict[str, object] = {}
    exec(example, names)  # noqa: S102 - the example of the documentation
    texts = names["texts"]
    assert isinstance(texts, pd.Series)
    assert texts["b.png"] == "two words"
    assert {"2024-01-01", "007", "\0"} <= set(texts.index)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(with_boxes, names)  # noqa: S102
    keeps_answers = re.search(r'"(wire|result)":', journal.read_text()) is not None
    assert ("b.png two 0.98\n" in printed.getvalue()) == keeps_answers


def test_what_first_comes_after_many_lines_has_its_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.jsonl"
    change = Change(Origin("PDF", (10, 20), 6, frames=3, dpi=72.5), (5, 10), "JPEG", 70)
    with Journal.open(path, SETTINGS) as journal:
        pass
    plain = LineWriter("none").render(ImageResult("a.png"))
    image = sent("caf\udce9.png", started_at=1.5, languages=["ru"], model="line")
    late = LineWriter("none").render(failed("caf\udce9.png"), image, change, finished_at=2.5)
    pending = render_accepted(Accepted("caf\udce9.png", "op-1", 1_700_000_000.5, "0f", change.to_dict(), 12))
    with path.open("ab") as file:
        file.write(plain * 30_000 + late + pending)  # duckdb samples 20,480 lines.
    with Journal.open(path, SETTINGS) as journal:
        journal.note_billed(7)
        journal.finish({"ok": 1})
    monkeypatch.chdir(tmp_path)
    row = _query(
        "SELECT error.code, key_bytes, fitted.dpi, fitted.sent.quality, languages, model, epoch(finished_at) "
        "FROM 'results.jsonl' WHERE ok = false"
    )
    assert row == [("UNAVAILABLE", "Y2Fm6S5wbmc=", 72.5, 70, ["ru"], "line", 2.5)]
    waiting = _query(
        "SELECT operation, epoch(accepted_at), content_hash, units, fitted.dpi "
        "FROM 'results.jsonl' WHERE ok IS NULL AND operation <> ''"
    )
    assert waiting == [("op-1", 1_700_000_000.5, "0f", 12, 72.5)]
    header = json.loads(path.read_bytes().split(b"\n")[0])
    assert set(json.loads(late)) | set(json.loads(pending)) <= set(header)
    assert set(change.to_dict()) <= set(header["fitted"])
    assert set(change.to_dict()["sent"]) <= set(header["fitted"]["sent"])
