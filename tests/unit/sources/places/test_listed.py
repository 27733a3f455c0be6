import io
import os
import sys
from pathlib import Path

import pytest

from vision_grpc.cli.flags import flag_of
from vision_grpc.config import Limits
from vision_grpc.errors import Advice, Code
from vision_grpc.results import ImageError
from vision_grpc.sources.item import Entry, Fault, Item, Skipped
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.listed import open_list

_ALL = SourceOptions()


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _list(content: bytes, *, nul_separated: bool = False) -> list[Entry]:
    Path("names").write_bytes(content)
    return list(open_list("names", _ALL, nul_separated=nul_separated))


def _keys(entries: list[Entry]) -> list[str]:
    assert all(isinstance(entry, Item) for entry in entries), entries
    return [entry.key for entry in entries if isinstance(entry, Item)]


def _error(entry: Entry) -> ImageError:
    error = entry.read(Limits()) if isinstance(entry, Item) else entry.error if isinstance(entry, Fault) else None
    assert isinstance(error, ImageError)
    return error


def test_each_line_is_a_name_as_it_is() -> None:
    names = ["a.png", " b.png ", "#c.png", "'d.png'", '"e.png"', "~/f.png", "-", "--g.png", "h\ti.png", "*.png", "."]
    lines = "\n\n".join(names[:-1]).encode() + b"\n\xff.png"
    assert _keys(_list(lines)) == [*names[:-1], "\udcff.png"]


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n"])
def test_the_last_line_may_end_or_not(end: bytes) -> None:
    assert _keys(_list(b"a.png\nb.png" + end)) == ["a.png", "b.png"]


def test_names_may_hold_line_ends_when_nul_separates_them() -> None:
    Path("a\nb.png").touch()
    assert _keys(_list(b"a\nb.png\0\0c.png\0", nul_separated=True)) == ["a\nb.png", "c.png"]


@pytest.mark.parametrize("folder", ["scans", "./scans", "scans/", "."])
def test_what_find_prints_names_each_image_once(folder: str) -> None:
    Path("scans/x").mkdir(parents=True)
    for name in ("scans/1.png", "scans/x/2.png", "3.png", "scans.png"):
        Path(name).touch()
    printed = f"{folder}\n{folder.rstrip('/')}/1.png\n{folder.rstrip('/')}/x\n{folder.rstrip('/')}/x/2.png\n"
    entries = _list(printed.encode() + b"nowhere/4.png\n")
    found = _keys([entry for entry in entries if isinstance(entry, Item)])
    below = ["scans/1.png", "scans/x/2.png"]
    assert found == [*(["3.png", "scans.png", *below] if folder == "." else below), "nowhere/4.png"]
    (fault,) = [entry for entry in entries if isinstance(entry, Fault)]
    problem = "lies in what line 1 names, which is read whole: list files alone (find -type f)"
    assert _error(fault).message == f"names: line 2: {problem}"


def test_names_that_begin_alike_are_not_taken_for_a_folder_and_what_is_in_it() -> None:
    assert _keys(_list(b"a\na.png\na.png.jpg\nb/1.png\nb/1.png")) == ["a", "a.png", "a.png.jpg", "b/1.png", "b/1.png"]


def test_what_lies_beside_a_folder_that_its_name_leads_through_is_read() -> None:
    Path("a").mkdir()
    for name in ("a/1.png", "2.png"):
        Path(name).touch()
    assert _keys(_list(b"a\na/../2.png\n")) == ["a/1.png", "a/../2.png"]


def test_lists_of_windows_are_understood() -> None:
    assert _keys(_list(b"\xef\xbb\xbfa.png\r\n\r\nb.png\r\n")) == ["a.png", "b.png"]


def test_a_name_that_does_end_in_cr_is_kept_if_there_is_such_a_file() -> None:
    Path("a.png\r").touch()
    Path("link\r").symlink_to("gone")
    assert _keys(_list(b"a.png\r\nb.png\r\nlink\r\n")) == ["a.png\r", "b.png", "link\r"]
    assert _keys(_list(b"b.png\r\0", nul_separated=True)) == ["b.png\r"]


def test_folders_and_urls_may_be_listed_too() -> None:
    Path("scans/sub").mkdir(parents=True)
    Path("scans/sub/1.png").touch()
    Path("scans/notes.docx").touch()
    skipped, image, web = _list(b"scans/\nhttps://example.org/a.png\n")
    assert skipped == Skipped("scans/notes.docx", ".docx", can_be_fitted=False)
    assert _keys([image]) == ["scans/sub/1.png"]
    assert _error(web).message.endswith("download it, and name the file (line 2 of names)")


def test_what_is_wrong_says_on_which_line() -> None:
    Path("empty").mkdir()
    missing, empty = _list(b"\na b.png\n\nempty\n")
    assert _error(missing) == ImageError(Code.NOT_FOUND, "'a b.png': no such file, check the path (line 2 of names)")
    assert isinstance(empty, Fault)
    assert empty.name == "empty"
    assert _error(empty).message.startswith("empty: no image in this folder")
    assert _error(empty).message.endswith("(line 4 of names)")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "is a JPEG image, expected a list of names"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is a PNG image, expected a list of names"),
        (b"%PDF-1.7\n%", "is a PDF document, expected a list of names"),
        (b"PK\x03\x04\0\0", "is a ZIP archive or an office document, expected a list of names"),
        (b"\x1f\x8b\x08\0", "is a gzip archive, expected a list of names"),
        ("a.png\n".encode("utf-16"), "is text in UTF-16, save it as UTF-8, expected a list of names"),
        (b"", "names nothing"),
        (b"\n\r\n\n", "names nothing"),
    ],
)
def test_what_is_not_a_list_is_refused(content: bytes, message: str) -> None:
    for nul_separated in (False, True):
        if nul_separated and message == "names nothing" and content:
            continue
        [fault] = _list(content, nul_separated=nul_separated)
        assert fault == Fault("names", ImageError(Code.INVALID_ARGUMENT, f"names: {message}"))


def test_the_other_separator_is_recognised() -> None:
    [fault] = _list(b"a.png\0b.png\0")
    assert _error(fault).message.endswith("add nul_separated=True if each name ends in NUL")
    [fault] = _list(b"a.png\nb.png\n", nul_separated=True)
    assert _error(fault).message.endswith("drop nul_separated=True if each name has a line")
    assert _error(fault).text(flag_of).endswith("drop -0 if each name has a line")


@pytest.mark.parametrize(("nul_separated", "fault"), [(False, "has a line of more"), (True, "has a name of more")])
def test_a_line_without_end_is_not_held(nul_separated: bool, fault: str) -> None:  # noqa: FBT001 - a parameter
    [entry] = _list(b"x" * 1_200_000, nul_separated=nul_separated)
    assert fault in _error(entry).message


def test_advice_stays_the_last_that_is_said() -> None:
    error = ImageError.advised(Code.NOT_FOUND, "a.png: no image", [Advice("use", "fit", "fit")]).at("line 2 of names")
    assert error.message == "a.png: no image (line 2 of names); use a call of fit"
    assert error.text(flag_of) == "a.png: no image (line 2 of names); use --fit"


def test_a_list_that_cannot_be_read_is_a_fault() -> None:
    [fault] = open_list("missing", _ALL)
    assert fault == Fault("missing", ImageError(Code.NOT_FOUND, "missing: no such file, check the path"))
    Path("folder").mkdir()
    [fault] = open_list("folder", _ALL)
    assert _error(fault).message == "folder: is a folder, but a list of names is a file"


def test_a_list_on_stdin_is_read_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin, os.fdopen(writing, "wb", buffering=0) as names:
        monkeypatch.setattr(sys, "stdin", stdin)
        entries = open_list("-", _ALL)
        for name in (b"a.png", b"b.png"):
            names.write(name + b"\n")
            assert _keys([next(entries)]) == [name.decode()]
        names.write(b"c.")
        names.write(b"png")
        names.close()
        [last] = entries
        assert _keys([last]) == ["c.png"]
        assert _error(last).message == "c.png: no such file, check the path (line 3 of -)"


def test_a_list_on_a_closed_stdin_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    [fault] = open_list("-", _ALL)
    assert _error(fault).message == "-: cannot be read (stdin is closed)"


def test_no_more_of_a_list_is_held_than_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            line = b"a.png\n"
            buffer[: len(line)] = line
            return len(line)

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Endless())))
    entries = open_list("-", _ALL)
    assert _keys([next(entries) for _ in range(1000)]) == ["a.png"] * 1000
