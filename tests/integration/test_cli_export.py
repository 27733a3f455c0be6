"""`vision-grpc export`: what users have in their journals becomes files that others read, or an error of one line."""

import csv
import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import duckdb
import pytest
from command_line import Finished
from commands_here import runner
from documents import PdfPage, make_pdf, text
from hostile_results import damaged
from images_in_bytes import png
from journaled import SETTINGS, failed, read

from vision_grpc.bulk.journal import Answers, Journal, LineWriter
from vision_grpc.bulk.journal.last_lines import LastLines
from vision_grpc.bulk.progress import Snapshot
from vision_grpc.cli import exporting
from vision_grpc.cli.progress import Display
from vision_grpc.errors import Code
from vision_grpc.results import ImageResult

Export = Callable[..., Finished]


def _journal(path: Path, *results: ImageResult, answers: Answers = "wire") -> Path:
    with Journal.open(path, SETTINGS, answers=answers) as journal:
        for result in results:
            journal.write(result)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a journal."""
    monkeypatch.chdir(tmp_path)
    _journal(tmp_path / "results.jsonl", read("a.png", "one", "two"), read("b.png", "three"))
    return tmp_path


@pytest.fixture
def export(folder: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Export:
    """Runs the command in this process, in the folder."""
    assert folder == Path.cwd()
    return partial(runner(monkeypatch, capfdbinary), "export")


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {"results.jsonl"}


def test_texts_are_printed_as_analyze_prints_them(export: Export) -> None:
    assert export("results.jsonl", "--to", "txt") == (0, b"==> a.png <==\none two\n\n==> b.png <==\nthree\n", "")


def test_a_single_image_has_no_header(export: Export, folder: Path) -> None:
    assert export("results.jsonl", "--to", "txt", "--key", "a*") == (0, b"one two\n", "")
    assert export("results.jsonl", "--key", "b.png", "-o", "b.txt").code == 0
    assert (folder / "b.txt").read_text() == "three\n"


@pytest.mark.parametrize(
    ("name", "beginning"),
    [("o.tsv", "level\t"), ("o.CSV", "key,ok"), ("o.words.csv", "key,page"), ("o.md", "## a.png"), ("o.txt", "==> ")],
)
def test_the_name_of_the_output_says_the_format(name: str, beginning: str, export: Export, folder: Path) -> None:
    finished = export("results.jsonl", "-o", name)
    assert finished == (0, b"", f"exported 2 images to {name}\n")
    assert (folder / name).read_text().startswith(beginning)
    assert _files(folder) == {name}
    # It may be made again.
    assert export("results.jsonl", "-q", "-o", name) == (0, b"", "")


def test_duckdb_reads_the_tsv(export: Export) -> None:
    _journal(Path("more.jsonl"), read("c.png", 'a "quote', "tab\there", "line\nend", "=1+1", "é👍"))
    assert export("results.jsonl", "more.jsonl", "-o", "words.tsv").code == 0
    table = duckdb.read_csv("words.tsv", sep="\t", quotechar="", header=True)
    found = table.filter("level = 5").project("page_num, word_num, conf, text").fetchall()
    assert [(page, word, text) for page, word, _, text in found] == [
        (1, 1, "one"),
        (1, 2, "two"),
        (2, 1, "three"),
        (3, 1, 'a "quote'),
        (3, 2, "tab here"),
        (3, 3, "line end"),
        (3, 4, "=1+1"),
        (3, 5, "é👍"),
    ]
    assert all(conf == pytest.approx(98) for _, _, conf, _ in found)


def test_failed_images_are_counted_by_their_reasons(export: Export) -> None:
    results = [read("a.png", "one"), failed("b.png"), failed("c.png"), failed("d.png", Code.NOT_FOUND, "no file")]
    _journal(Path("j.jsonl"), *results, damaged("e.png"))
    finished = export("j.jsonl", "--to", "tsv")
    assert finished.code == 1
    assert finished.text.count("\n5\t") == 1
    assert finished.complaints[0] == "4 images left out (not read):"
    assert "  2  UNAVAILABLE, such as b.png: was not reached" in finished.complaints
    assert "  1  NOT_FOUND: no file (d.png)" in finished.complaints
    assert any("DATA_LOSS" in line for line in finished.complaints)


def test_the_table_of_images_has_those_that_failed(export: Export) -> None:
    _journal(Path("j.jsonl"), read("a.png", "one"), failed("b.png"), failed("c.png"))
    finished = export("j.jsonl", "--to", "csv")
    assert finished.code == 0
    assert finished.complaints[0] == "2 images with errors:"
    rows = [*csv.DictReader(io.StringIO(finished.text, newline=""))]
    assert [(row["key"], row["ok"], row["error_code"]) for row in rows] == [
        ("a.png", "true", ""),
        ("b.png", "false", "UNAVAILABLE"),
        ("c.png", "false", "UNAVAILABLE"),
    ]


def test_where_all_have_failed_nothing_is_written(export: Export, folder: Path) -> None:
    _journal(Path("j.jsonl"), failed("b.png"))
    (folder / "o.tsv").write_text("level\tpage_num\tearlier")
    finished = export("j.jsonl", "-o", "o.tsv")
    assert (finished.code, finished.complaints[-1]) == (2, "nothing to export: no image is left")
    assert (folder / "o.tsv").read_text() == "level\tpage_num\tearlier"


def test_the_last_result_of_a_key_counts_also_in_several_journals(export: Export) -> None:
    _journal(Path("1.jsonl"), failed("a.png"), read("b.png", "old"), read("a.png", "two"), failed("c.png"))
    _journal(Path("2.jsonl"), read("c.png", "three"), read("b.png", "new"))
    finished = export("1.jsonl", "2.jsonl", "--to", "txt")
    assert finished == (0, b"==> a.png <==\ntwo\n\n==> c.png <==\nthree\n\n==> b.png <==\nnew\n", "")


def test_pages_of_a_document_stand_together_in_their_order(export: Export, folder: Path) -> None:
    keys = ["a.pdf#page=10", "x.png", "a.pdf#page=2", "b.pdf#page=2", "a.pdf#page=1", "b.pdf#page=1"]
    _journal(Path("j.jsonl"), *(read(key, key) for key in keys))
    assert export("j.jsonl", "--to", "txt").text.split("\n")[1::3] == [
        "a.pdf#page=1",
        "a.pdf#page=2",
        "a.pdf#page=10",
        "x.png",
        "b.pdf#page=1",
        "b.pdf#page=2",
    ]
    finished = export("j.jsonl", "--to", "tsv", "-o", "out/")
    assert finished == (0, b"", "exported 6 images to out (3 files)\n")
    assert _files(folder) == {"j.jsonl", "out/a.tsv", "out/b.tsv", "out/x.tsv"}
    assert (folder / "out/a.tsv").read_text().count("\n1\t") == 3


def test_a_folder_gets_a_file_for_each_image_and_keeps_what_is_there(export: Export, folder: Path) -> None:
    _journal(Path("j.jsonl"), read("s/a.png", "one"), read("../b.png", "two"), read("caf\udce9.jpg", "three"))
    (folder / "out/s").mkdir(parents=True)
    (folder / "out/s/a.md").write_text("mine")
    finished = export("j.jsonl", "--to", "markdown", "-o", "out")
    assert finished.complaints == [
        "exported 3 images to out (3 files, 1 under longer names, as other files were there)"
    ]
    assert (folder / "out/s/a.md").read_text() == "mine"
    assert (folder / "out/s/a.png.md").read_text() == "one\n"
    assert (folder / "out/__/b.md").read_text() == "two\n"
    assert Path(os.fsdecode(b"out/caf\xe9.md")).read_text() == "three\n"


def test_without_answers_there_are_texts_alone(export: Export) -> None:
    _journal(Path("j.jsonl"), read("a.png", "one"), read("b.png", "two"), answers="none")
    assert export("j.jsonl", "--to", "markdown") == (0, b"## a.png\n\none\n\n## b.png\n\ntwo\n", "")
    assert export("j.jsonl", "--to", "csv").text.count("\r\n") == 3
    told = "2 images left out (the journal keeps no answers): analyze them again, with --answers wire and another -o\n"
    assert export("j.jsonl", "--to", "tsv") == (2, b"", f"{told}nothing to export: no image is left\n")
    with Path("j.jsonl").open("ab") as file:
        file.write(LineWriter("json").render(read("c.png", "three")))
    finished = export("j.jsonl", "--to", "words")
    assert (finished.code, finished.stderr) == (1, told)
    assert finished.text.count("\r\n") == 2


def test_torn_and_damaged_lines_are_counted(export: Export) -> None:
    journal = _journal(Path("j.jsonl"), *(read(f"{n}.png", f"text{n}") for n in range(4)))
    first, *lines = journal.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"text":', b'"te\0t":')
    lines[3] = lines[3][:-40]
    journal.write_bytes(first + b"".join(lines))
    for kind in ("txt", "csv", "tsv"):
        finished = export("j.jsonl", "--to", kind)
        assert (finished.code, finished.stderr) == (1, "2 lines left out (not whole, as after a crash)\n")
        assert b"text0" in finished.stdout
        assert b"text2" in finished.stdout


def test_where_the_last_line_of_a_key_is_damaged_the_one_before_counts(export: Export) -> None:
    journal = _journal(Path("j.jsonl"), read("a.png", "old"), read("b.png", "other"), read("a.png", "new"))
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b'"attempts":1', b'"attempts":?')
    journal.write_bytes(b"".join(lines))
    for kind in ("txt", "tsv"):
        finished = export("j.jsonl", "--to", kind)
        assert finished.code == 1
        assert b"old" in finished.stdout
        assert b"other" in finished.stdout
        assert b"new" not in finished.stdout


@pytest.mark.parametrize("kind", ["txt", "tsv"])
def test_two_lines_in_one_are_not_taken_for_one(kind: str, export: Export) -> None:
    lines = LineWriter().render(read("a.png", "one")), LineWriter().render(read("b.png", "two"))
    Path("j.jsonl").write_bytes(lines[0][:-30] + lines[1] + LineWriter().render(read("c.png", "three")))
    finished = export("j.jsonl", "--to", kind)
    assert (finished.code, finished.stderr) == (1, "1 line left out (not whole, as after a crash)\n")
    assert b"one" not in finished.stdout
    assert b"three" in finished.stdout


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "nothing to export: j.jsonl has no results"),
        (b'{"a": 1}\n', "error: j.jsonl: is not a journal"),
        (b"[1, 2]", "error: j.jsonl: is not a journal"),
        (b"key,ok\n", "error: j.jsonl: is not a journal"),
        (b"\n\n", "error: j.jsonl: is not a journal"),
        (png(7), "error: j.jsonl: is not a journal"),
        (b'{"key":"a"' + b"[" * 100_000, "1 line left out (not whole, as after a crash)"),
        (
            b'{"journal":{"format":2,"program":"vision-grpc 9.0"}}\n',
            "error: j.jsonl: is a journal in format 2 of vision-grpc 9.0, this program has format 1; use that program",
        ),
        (
            b'{"journal":{"format":0}}\n',
            "error: j.jsonl: is a journal in format 0 of another program, this program has format 1; use that program",
        ),
    ],
)
def test_what_has_no_results_is_said(content: bytes, told: str, export: Export, folder: Path) -> None:
    Path("j.jsonl").write_bytes(content)
    finished = export("j.jsonl", "-o", "o.tsv")
    assert (finished.code, finished.stdout, finished.complaints[0]) == (2, b"", told)
    assert _files(folder) == {"j.jsonl"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "name the journal, as in vision-grpc export results.jsonl --to tsv"),
        (["results.jsonl"], "name the format: --to txt|tsv|"),
        (["results.jsonl", "-o", "out.xyz"], "name the format: --to txt|"),
        (["results.jsonl", "--to", "xlsx"], "'xlsx' is not one of 'txt', 'tsv'"),
        (["missing.jsonl", "--to", "tsv"], "missing.jsonl: cannot be read (No such file or directory)"),
        ([".", "--to", "tsv"], ".: cannot be read (Is a directory)"),
        (["results.jsonl", "--to", "tsv", "-o", "no/out.tsv"], "no/out.tsv: cannot be written (No such file"),
        (["results.jsonl", "--to", "tsv", "-o", "results.jsonl/"], "is not a folder"),
        (["results.jsonl", "--to", "tsv", "-o", "results.jsonl"], "results.jsonl is the journal itself, which -o"),
        (["results.jsonl", "--to", "tsv", "-o", "./link.jsonl"], "link.jsonl is the journal itself, which -o"),
        (["results.jsonl", "--to", "txt", "-o", "other.jsonl"], "other.jsonl has results of images, which -o would"),
        (["results.jsonl", "--to", "txt", "-o", "a.png"], "a.png is there, and may be no export: name another file"),
        (["results.jsonl", "--to", "tsv", "-o", "a.png"], "a.png is there, and is not a file of the format tsv"),
        (
            ["results.jsonl", "--to", "csv", "-o", "foreign.csv"],
            "foreign.csv is there, and is not a file of the format",
        ),
        (["results.jsonl", "-o", "foreign.pdf"], "foreign.pdf is there, and was not made by vision-grpc: name another"),
        (["results.jsonl", "--to", "tsv", "--key", "z*"], "nothing to export: no key matches"),
        (["-", "-", "--to", "tsv"], "- reads stdin: name it once"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments: list[str], told: str, export: Export, folder: Path) -> None:
    Path("link.jsonl").symlink_to("results.jsonl")
    _journal(Path("other.jsonl"), read("a.png"))
    Path("a.png").write_bytes(png(7))
    Path("foreign.csv").write_text("mine,too\n")
    Path("foreign.pdf").write_bytes(make_pdf([PdfPage(text("mine"))]))
    before = {name: Path(name).read_bytes() for name in _files(folder)}
    finished = export(*arguments)
    assert finished.code == 2
    [complaint] = finished.complaints
    assert told in complaint
    assert {name: Path(name).read_bytes() for name in _files(folder)} == before


def test_a_document_is_not_replaced_by_what_is_made_of_it(export: Export) -> None:
    _journal(Path("j.jsonl"), read("notes.txt#page=1", "one"))
    Path("notes.txt").write_text("the original")
    finished = export("j.jsonl", "-o", "notes.txt")
    assert (finished.code, Path("notes.txt").read_text()) == (2, "the original")
    assert "notes.txt is one of the images, -o would overwrite it" in finished.stderr


def test_a_journal_that_a_run_still_writes_is_read_as_far_as_it_goes(export: Export) -> None:
    with Journal.open("j.jsonl", SETTINGS) as journal:
        journal.write(read("a.png", "one"))
        finished = export("j.jsonl", "--to", "txt")
        assert finished == (0, b"one\n", "j.jsonl: a run is still writing it, its results so far are exported\n")
        journal.write(read("b.png", "two"))
    assert export("j.jsonl", "--to", "txt").stderr == ""


def test_a_journal_in_an_unreadable_file_is_one_line(export: Export) -> None:
    finished = export(os.fspath(Path("a\nb.jsonl")), "--to", "tsv")
    assert finished == (2, b"", "error: $'a\\nb.jsonl': cannot be read (No such file or directory)\n")


def test_a_pipe_as_output_is_written_to(export: Export) -> None:
    os.mkfifo("pipe.tsv")
    with ThreadPoolExecutor(1) as threads:
        read_by_others = threads.submit(Path("pipe.tsv").read_bytes)
        assert export("results.jsonl", "-o", "pipe.tsv").code == 0
        assert read_by_others.result(timeout=60).startswith(b"level\t")


@pytest.mark.parametrize("target", [[], ["-o", "out/"]])
def test_pipes_as_journals_are_read(target: list[str], export: Export) -> None:
    os.mkfifo("1.jsonl")
    os.mkfifo("2.jsonl")
    lines = [LineWriter().render(read("a.png", text)) for text in ("old", "new")]
    with ThreadPoolExecutor(2) as threads:
        threads.submit(Path("1.jsonl").write_bytes, lines[0])
        threads.submit(Path("2.jsonl").write_bytes, lines[1])
        finished = export("1.jsonl", "2.jsonl", "--to", "txt", *target)
    assert finished.code == 0
    assert finished.stdout == b"new\n" if not target else Path("out/a.txt").read_bytes() == b"new\n"


def test_the_first_reading_of_a_journal_is_shown(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, totals = list[Callable[[], Snapshot]](), list[tuple[int, bool]]()

    def show(look: Callable[[], Snapshot], **_: object) -> Display:
        looks.append(look)
        return Display(look)

    def find(paths: Sequence[str], *, names: Sequence[str], found: Callable[[], None]) -> LastLines:
        last = LastLines(paths, names=names, found=found)
        totals.extend((seen.total, seen.is_listed) for seen in [look() for look in looks])
        return last

    monkeypatch.setattr(exporting, "show_progress", show)
    monkeypatch.setattr(exporting, "LastLines", find)
    assert export("results.jsonl", "--to", "txt").code == 0
    assert totals == [(2, False)]
