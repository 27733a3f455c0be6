"""`vision-grpc analyze -o`: texts are complete or not there, and what was paid for is never lost."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import PROGRAM_ON_A_FULL_DISK, cut_first_line, lines_of, run
from images_in_bytes import write_images
from scanned_pages import ScannedPage

from vision_grpc.local import LocalVision


@pytest.fixture(scope="module")
def there() -> Iterator[tuple[str, ...]]:
    """The options that lead to a service."""
    with LocalVision() as vision:
        yield ("--endpoint", vision.grpc_endpoint, "--insecure")


@pytest.fixture
def folder(tmp_path: Path, pages: dict[str, ScannedPage]) -> Path:
    """A folder with one image and an earlier output."""
    cut_first_line(pages["en_sans"].path, tmp_path / "line.png")
    (tmp_path / "out").write_text("earlier")
    return tmp_path


def test_a_complete_output_replaces_the_earlier_one_and_keeps_its_mode(there: tuple[str, ...], folder: Path) -> None:
    (folder / "out").chmod(0o600)
    finished = run("analyze", *there, "line.png", "-o", "out", cwd=folder)
    assert finished == (0, b"", "")
    assert (folder / "out").read_text().startswith("The harbour was quiet")
    assert stat.S_IMODE((folder / "out").stat().st_mode) == 0o600
    assert {path.name for path in folder.iterdir()} == {"line.png", "out"}


def test_failed_images_are_part_of_a_complete_output(there: tuple[str, ...], folder: Path) -> None:
    arguments = ["missing.png", "line.png", "--format", "jsonl", "-o", "new"]
    assert run("analyze", *there, *arguments, cwd=folder).code == 1
    told = lines_of(folder / "new")
    assert [(result["key"], result["ok"]) for result in told] == [("missing.png", False), ("line.png", True)]


def test_where_nothing_could_be_done_the_earlier_output_stays(there: tuple[str, ...], folder: Path) -> None:
    assert run("analyze", *there, "missing.png", "--format", "jsonl", "-o", "out", cwd=folder).code == 2
    too_slow = ["--timeout", "0.001", "line.png", "--format", "jsonl"]
    assert run("analyze", *there, *too_slow, "-o", "out", cwd=folder).code == 2
    assert (folder / "out").read_text() == "earlier"
    assert {path.name for path in folder.iterdir()} == {"line.png", "out"}


def test_a_link_stays_a_link(there: tuple[str, ...], folder: Path) -> None:
    (folder / "link").symlink_to("out")
    assert run("analyze", *there, "line.png", "-o", "link", cwd=folder).code == 0
    assert (folder / "link").is_symlink()
    assert (folder / "out").read_text().startswith("The harbour was quiet")


def test_a_dash_is_stdout(there: tuple[str, ...], folder: Path) -> None:
    assert run("analyze", *there, "line.png", "-o", "-", cwd=folder).text.startswith("The harbour was quiet")


def test_a_device_is_written_to(there: tuple[str, ...], folder: Path) -> None:
    finished = run("analyze", *there, "line.png", "-o", "/dev/stderr", cwd=folder)
    assert finished.code == 0
    assert finished.stderr.startswith("The harbour was quiet")


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("nowhere/out", "cannot be written (No such file or directory), name another place with -o"),
        (".", "cannot be written (Is a directory), name another place with -o"),
        ("line.png/out", "cannot be written (Not a directory), name another place with -o"),
    ],
)
def test_an_output_that_cannot_be_written_is_told_before_anything_is_sent(
    folder: Path, output: str, reason: str
) -> None:
    # The service that is named is not there: an attempt to reach it would be told of.
    finished = run("analyze", "--endpoint", "127.0.0.1:1", "line.png", "-o", output, cwd=folder)
    assert (finished.code, finished.stdout) == (2, b"")
    assert finished.complaints == [f"error: {output}: {reason}"]


def test_a_link_to_itself_is_no_place(folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    finished = run("analyze", "--endpoint", "127.0.0.1:1", "line.png", "-o", "loop", cwd=folder)
    assert finished.code == 2
    (complaint,) = finished.complaints
    assert complaint.startswith("error: loop: cannot be written (Too many levels of symbolic links), name another")
    assert (folder / "loop").is_symlink()


@pytest.mark.parametrize("named", ["line.png", "."])
def test_an_image_is_not_overwritten(folder: Path, named: str) -> None:
    (folder / "link.txt").symlink_to("line.png")
    content = (folder / "line.png").read_bytes()
    finished = run("analyze", "--local", named, "-o", "link.txt", cwd=folder)
    assert finished.code == 2
    (complaint,) = finished.complaints
    assert complaint.startswith("error: line.png is one of the images, -o would overwrite it: name another file")
    assert (folder / "line.png").read_bytes() == content


def test_results_of_an_interrupted_run_are_neither_overwritten_nor_in_the_way(
    there: tuple[str, ...], folder: Path
) -> None:
    (folder / "out.partial").write_text("paid for")
    finished = run("analyze", *there, "line.png", "-o", "out", cwd=folder)
    assert finished == (0, b"", "")
    assert (folder / "out").read_text().startswith("The harbour was quiet")
    assert (folder / "out.partial").read_text() == "paid for"
    assert {path.name for path in folder.iterdir()} == {"line.png", "out", "out.partial"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_under_stdout_is_one_line(there: tuple[str, ...], folder: Path) -> None:
    finished = run("analyze", *there, "line.png", "-o", "/dev/full", cwd=folder)
    assert finished.code == 2
    assert finished.complaints == [
        "error: /dev/full: cannot be written (No space left on device), name another place with -o"
    ]


def test_a_disk_that_fills_up_leaves_the_texts_that_are_whole(there: tuple[str, ...], folder: Path) -> None:
    names = [f"{number}.png" for number in range(16)]
    for name in names:
        shutil.copy(folder / "line.png", folder / name)
    finished = run("analyze", *there, *names, "-o", "out", cwd=folder, program=PROGRAM_ON_A_FULL_DISK)
    assert finished.code == 2
    assert finished.complaints[-1].startswith(
        "error: out: cannot be written (File too large), name another place with -o; "
    )
    assert finished.complaints[-1].endswith("; the finished results are in out.partial")
    kept = (folder / "out.partial").read_text()
    assert 0 < kept.count("==>") < len(names)
    assert kept.endswith("\n")
    assert (folder / "out").read_text() == "earlier"


def test_a_journal_on_a_disk_that_fills_up_goes_on_when_there_is_room(there: tuple[str, ...], folder: Path) -> None:
    names = [f"{number}.png" for number in range(8)]
    for name in names:
        shutil.copy(folder / "line.png", folder / name)
    arguments = ["analyze", *there, *names, "--answers", "none", "-o", "new.jsonl"]
    finished = run(*arguments, cwd=folder, program=PROGRAM_ON_A_FULL_DISK)
    assert finished.code == 2
    assert "new.jsonl: cannot be written: the file may not become any larger" in finished.complaints[-1]
    kept = (folder / "new.jsonl").read_bytes()
    assert kept.endswith(b"\n")
    assert 0 < len(lines_of(folder / "new.jsonl")) < len(names)
    assert run(*arguments, cwd=folder).code == 0
    assert (folder / "new.jsonl").read_bytes().startswith(kept)
    assert sorted(told["key"] for told in lines_of(folder / "new.jsonl")) == names


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_only_be_read_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 1)
    (tmp_path / "locked").mkdir(mode=0o500)
    finished = run("analyze", "--endpoint", "127.0.0.1:1", "--insecure", "scans", "-o", "locked/r.jsonl", cwd=tmp_path)
    assert finished.code == 2
    assert "locked/r.jsonl" in finished.errors[0]
