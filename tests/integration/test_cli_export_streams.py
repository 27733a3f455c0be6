"""`vision-grpc export` between pipes, on full disks and interrupted, as a process of its own."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import finish, program_with_little_space, read_line, start
from command_line import run as run_program
from journaled import SETTINGS, read

from vision_grpc.bulk.journal import Journal, LineWriter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a journal."""
    with Journal.open(tmp_path / "results.jsonl", SETTINGS) as journal:
        journal.write(read("a.png", "one"))
    return tmp_path


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {"results.jsonl"}


@pytest.mark.parametrize("journal", ["results.jsonl", "-"])
def test_what_is_exported_is_not_appended_to_the_journal(journal: str, folder: Path) -> None:
    before = (folder / "results.jsonl").read_bytes()
    with (folder / "results.jsonl").open("rb") as stdin, (folder / "results.jsonl").open("ab") as stdout:
        process = start("export", journal, "--to", "txt", cwd=folder, stdin=stdin.fileno(), stdout=stdout.fileno())
        finished = finish(process)
    assert finished.code == 2
    assert finished.stderr.startswith("error: stdout leads into the journal itself: name another file")
    assert (folder / "results.jsonl").read_bytes() == before


def test_stdin_is_read_line_by_line(folder: Path) -> None:
    lines = [LineWriter("json").render(read(f"{number}.png", f"text{number}")) for number in range(3)]
    process = start("export", "-", "--to", "txt", cwd=folder, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(lines[0] + lines[1])
    process.stdin.flush()
    told = [read_line(process) for _ in range(5)]
    assert told == [b"==> 0.png <==\n", b"text0\n", b"\n", b"==> 1.png <==\n", b"text1\n"]
    assert finish(process, lines[2]) == (0, b"\n==> 2.png <==\ntext2\n", "")


def test_stdin_goes_to_a_folder_document_by_document(folder: Path) -> None:
    keys = ["a.pdf#page=2", "b.png", "a.pdf#page=1"]
    lines = b"".join(LineWriter().render(read(key, key)) for key in keys)
    finished = run_program("export", "-", "--to", "tsv", "-o", "out/", stdin=lines, cwd=folder)
    assert finished == (0, b"", "exported 3 images to out (2 files)\n")
    assert _files(folder) == {"out/a.tsv", "out/b.tsv"}


@pytest.mark.parametrize("target", [[], ["-o", "out/"]])
def test_what_is_no_result_on_stdin_is_said(target: list[str], folder: Path) -> None:
    finished = run_program("export", "-", "--to", "tsv", *target, stdin=b"hello\n", cwd=folder)
    assert finished == (2, b"", "error: stdin: is not a journal\n")


@pytest.fixture
def long_journal(folder: Path) -> Iterator[Path]:
    """A journal of more than pipes and disks take below."""
    path = folder / "long.jsonl"
    line = LineWriter().render(read("KEY.png", *(f"word{number}" for number in range(300))))
    path.write_bytes(b"".join(line.replace(b"KEY", b"%d" % number) for number in range(300)))
    yield path
    path.unlink()


def test_head_ends_it_quietly(long_journal: Path, folder: Path) -> None:
    process = start("export", long_journal, "--to", "tsv", cwd=folder)
    assert read_line(process).startswith(b"level\t")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    finished = finish(process)
    assert (finished.code, finished.stderr) == (141, "")


def test_a_full_disk_leaves_no_half_file(long_journal: Path, folder: Path) -> None:
    (folder / "o.tsv").write_text("level\tpage_num\tearlier")
    program = program_with_little_space(100_000)
    finished = run_program("export", long_journal, "-o", "o.tsv", cwd=folder, program=program)
    assert finished.code == 2
    assert finished.complaints[-1].startswith("error: o.tsv: cannot be written (File too large)")
    assert (folder / "o.tsv").read_text() == "level\tpage_num\tearlier"
    assert _files(folder) == {"long.jsonl", "o.tsv"}


@pytest.mark.usefixtures("uncounted_programs")
def test_an_interrupt_leaves_no_half_file(folder: Path) -> None:
    # More than a pipe and a block of the reader hold: whoever has written it knows that much of it was read.
    line = LineWriter().render(read("a.png", *(f"word{number}" for number in range(300))))
    process = start("export", "-", "--to", "tsv", "-o", "o.tsv", cwd=folder, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(line * (1 + 2_000_000 // len(line)))
    process.stdin.flush()
    # The second reading of a pipe follows the writing of what the first one got.
    assert (folder / "o.tsv.partial").exists()
    process.send_signal(signal.SIGINT)
    finished = finish(process)
    assert (finished.code, finished.stderr) == (130, "interrupted\n")
    assert _files(folder) == set()
