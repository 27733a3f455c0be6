import os
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources.item import Item
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.opening import open_places

_ALL = SourceOptions()


def _items(*places: str) -> list[Item]:
    entries = list(open_places(places, _ALL))
    items = [entry for entry in entries if isinstance(entry, Item)]
    assert items == entries
    return items


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_is_named_is_read_whatever_it_is_called() -> None:
    names = ["scan", ".hidden", "a.docx", "-a.png", "a.webp", "b.pdf", "a:b", "s3:/a", "\udcff"]
    for name in names:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(name.encode(errors="surrogateescape"))
    items = _items(*names)
    assert [item.key for item in items] == names
    assert [item.read(Limits()) for item in items] == [name.encode(errors="surrogateescape") for name in names]
    assert [item.content_bytes for item in items] == [len(name.encode(errors="surrogateescape")) for name in names]


def test_the_size_of_a_pipe_is_not_known() -> None:
    os.mkfifo("pipe.png")
    [item] = _items("pipe.png")
    assert item.content_bytes is None


def test_patterns_are_for_what_is_found_not_for_what_is_named() -> None:
    Path("a.png").touch()
    [item] = open_places(["a.png"], SourceOptions(include=["*.jpg"], exclude=["a*"]))
    assert isinstance(item, Item)


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ("./a/b.png", "a/b.png"),
        ("a//b.png", "a/b.png"),
        ("a/./b.png", "a/b.png"),
        ("a/../a/b.png", "a/../a/b.png"),
        ("./-", "-"),
        ("a/", "a/b.png"),
        (".", "a/b.png"),
        ("./", "a/b.png"),
    ],
)
def test_the_key_is_the_path_without_what_means_nothing(place: str, key: str) -> None:
    Path("a").mkdir()
    Path("a/b.png").touch()
    assert [item.key for item in _items(place)] == [key]


@pytest.mark.parametrize("end", ["", "/"])
def test_a_path_that_leads_nowhere_says_so_when_it_is_read(end: str) -> None:
    [item] = _items(f"gone{end}")
    assert item.read(Limits()) == ImageError(Code.NOT_FOUND, "gone: no such file, check the path")


def test_places_are_opened_one_after_another() -> None:
    Path("a").mkdir()
    Path("a/1.png").touch()
    entries = open_places(["0.png", "a", "b"], _ALL)
    assert isinstance(next(entries), Item)
    Path("a/2.png").touch()
    assert [entry.key for entry in entries if isinstance(entry, Item)] == ["a/1.png", "a/2.png", "b"]


def test_stdin_is_read_when_its_turn_comes_and_no_further_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = BytesIO(b"x" * 100)
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(stdin))
    Path("-").touch()
    [item] = _items("-")
    assert (item.key, item.path, stdin.tell()) == ("-", None, 0)
    assert item.read(Limits(content_bytes=10)) == b"x" * 11


def test_a_closed_stdin_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    [item] = _items("-")
    assert item.read(Limits()) == ImageError(Code.INVALID_ARGUMENT, "-: cannot be read (stdin is closed)")


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("https://example.org/a.png", "download it, and name the file"),
        ("HTTP://example.org/a.png", "download it, and name the file"),
        ("ftp://example.org/a.png", "there is no way to read from ftp://"),
        ("file://server/a.png", "is a file of another machine"),
        ("file://[/a.png", "is a file of another machine"),
    ],
)
def test_a_url_that_cannot_be_read_says_what_can_be_done(url: str, advice: str) -> None:
    [item] = _items(url)
    error = item.read(Limits())
    assert isinstance(error, ImageError)
    assert item.key == url
    assert advice in error.message


def test_a_url_of_a_file_is_its_path(tmp_path: Path) -> None:
    (tmp_path / "a b.png").write_bytes(b"x")
    for url in (f"file://{tmp_path}/a%20b.png", f"FILE://localhost{tmp_path}/a%20b.png"):
        [item] = _items(url)
        assert item.key == f"{tmp_path}/a b.png"
        assert item.read(Limits()) == b"x"
