import json
import os
import sys
import tarfile
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources.item import Entry, Fault, Item
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.manifest import open_manifest

_ALL = SourceOptions()


def _open(folder: Path, *lines: bytes | dict[str, object]) -> list[Entry]:
    content = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    (folder / "m.jsonl").write_bytes(content)
    return list(open_manifest(str(folder / "m.jsonl"), _ALL))


def _item(entry: Entry) -> Item:
    assert isinstance(entry, Item), entry
    return entry


def _message(entry: Entry) -> str:
    error = entry.read(Limits()) if isinstance(entry, Item) else entry.error if isinstance(entry, Fault) else None
    assert isinstance(error, ImageError)
    return error.message


def test_paths_are_relative_to_the_manifest_and_keys_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("a.png", "folder/b.png"):
        (tmp_path / name).write_bytes(b"a")
    entries = _open(
        tmp_path,
        {"path": "a.png"},
        {"path": "./a.png"},
        {"path": str(tmp_path / "a.png")},
        {"path": "a.png", "key": "first"},
        {"url": f"file://{tmp_path}/a.png"},
        {"url": f"file://{tmp_path}/folder/"},
        {"url": f"file://{tmp_path}/folder", "key": "f"},
        {"url": f"file://localhost{tmp_path}/a%2Epng", "key": "last"},
    )
    assert [_item(entry).key for entry in entries] == [
        "a.png", "a.png", f"{tmp_path}/a.png", "first", f"file://{tmp_path}/a.png",
        f"file://{tmp_path}/folder/b.png", "f/b.png", "last",
    ]  # fmt: skip
    assert [_item(entry).read(Limits()) for entry in entries] == [b"a"] * 8


def test_a_line_has_languages_and_a_model_of_its_own(tmp_path: Path) -> None:
    entries = _open(
        tmp_path,
        {"path": "a.png"},
        {"path": "b.png", "languages": "RU, en", "model": "line"},
        {"path": "c.png", "languages": ["ru"], "model": "page"},
        {"path": "d.png", "languages": None, "model": None, "key": None, "url": None},
    )
    assert [(_item(entry).languages, _item(entry).model) for entry in entries] == [
        (None, None), (("ru", "en"), "line"), (("ru",), "page"), (None, None),
    ]  # fmt: skip


def test_a_folder_gives_its_settings_and_key_to_all_in_it(tmp_path: Path) -> None:
    (tmp_path / "scans/sub").mkdir(parents=True)
    (tmp_path / "scans/1.png").touch()
    (tmp_path / "scans/sub/2.png").touch()
    entries = _open(tmp_path, {"path": "scans/", "languages": "ru"}, {"path": "scans", "key": "2024"})
    assert [(_item(entry).key, _item(entry).languages) for entry in entries] == [
        ("scans/1.png", ("ru",)), ("scans/sub/2.png", ("ru",)), ("2024/1.png", None), ("2024/sub/2.png", None),
    ]  # fmt: skip


def test_a_container_gives_its_settings_to_all_in_it(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "1.tar", "w") as tar:
        member = tarfile.TarInfo("1.targets.png")
        tar.addfile(member)
    url = f"file://{tmp_path}/1.tar"
    plain, named, by_url = _open(
        tmp_path, {"path": "1.tar", "model": "line"}, {"path": "1.tar", "key": "k"}, {"url": url, "key": "u"}
    )
    assert [_item(entry).key for entry in (plain, named, by_url)] == ["1.targets", "k/1.targets", "u/1.targets"]
    assert _item(plain).model == "line"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"path": "a", "lang": "ru"}, "has the unknown field 'lang', expected key, path, url, languages, model"),
        ({}, "names no image, expected a path or a url"),
        ({"key": "a"}, "names no image, expected a path or a url"),
        ({"path": ""}, "names no image, expected a path or a url"),
        ({"path": "a", "url": "s3://a"}, "has a path and a url, expected one of them"),
        ({"path": "s3://a/b"}, "has a URL as path: name the field url"),
        ({"url": "a.png"}, "has a url without a scheme such as s3://: name the field path if it is a path"),
        ({"path": "a", "key": ""}, "has an empty key: leave it out, and the path is the key"),
        ({"path": 3}, "path is 3, expected a path, such as scans/a.png"),
        ({"path": "a", "key": ["b"]}, "key is ['b'], expected a text"),
        ({"path": "a", "languages": 7}, 'languages is 7, expected codes, such as "ru,en" or ["ru", "en"]'),
        ({"path": "a", "languages": ["ru", 7]}, 'languages is [\'ru\', 7], expected codes, such as "ru,en" or'),
        ({"path": "a", "languages": ["russian"]}, "languages: is 7 characters long, must be at most 3"),
        ({"path": "a", "languages": []}, "languages: has 0 elements, must have 1 to 8"),
        ({"path": "a", "languages": " , "}, "languages: has 0 elements, must have 1 to 8"),
        ({"path": "a", "languages": "a,b,c,d,e,f,g,h,i"}, "languages: has 9 elements, must have 1 to 8"),
        ({"path": "a", "model": "pages"}, "model is 'pages', expected page or line"),
        ({"path": "a", "model": 7}, "model is 7, expected a text, such as page"),
        (b'{"path": "a"', "is not JSON: Expecting ',' delimiter at character 13"),
        (b"{'path': 'a'}", "is not JSON: Expecting property name"),
        (b"a.png", "is not JSON: Expecting value at character 1"),
        (b'"a.png"', "is 'a.png', expected an object such as {\"path\": \"scan.png\"}"),
        (b'[{"path": "a"}]', "is [{'path': 'a'}], expected an object"),
        (b"null", "is None, expected an object"),
        (b"[" * 100_000, "is not JSON that can be read: it is too deep"),
        (b'{"path": ' + b"9" * 5000 + b"}", "is not JSON that can be read"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_line_says_so_and_the_others_are_read(
    line: bytes | dict[str, object], message: str, tmp_path: Path
) -> None:
    before, fault, after = _open(tmp_path, {"path": "1.png"}, b"", line, b"\r", {"path": "2.png"})
    assert [_item(before).key, _item(after).key] == ["1.png", "2.png"]
    assert isinstance(fault, Fault)
    assert fault.name == f"{tmp_path}/m.jsonl"
    assert fault.error.code is Code.INVALID_ARGUMENT
    assert fault.error.message.startswith(f"{tmp_path}/m.jsonl: line 3: {message}")


@pytest.mark.parametrize("beginning", [b"[", b"{", b" [ \r"])
def test_json_over_many_lines_is_one_fault(beginning: bytes, tmp_path: Path) -> None:
    [fault] = _open(tmp_path, beginning, b'  {"path": "a.png"},', b'  {"path": "b.png"}', b"]")
    assert "line 1: is not JSON" in _message(fault)


def test_images_that_cannot_be_read_say_on_which_line_they_are_named(tmp_path: Path) -> None:
    missing, web, elsewhere = _open(
        tmp_path,
        {"path": "a.png", "key": "k"},
        {"url": "https://example.org/a.png"},
        {"url": "file://other/a.png"},
    )
    where = f"of {tmp_path}/m.jsonl)"
    assert _message(missing) == f"{tmp_path}/a.png: no such file, check the path (line 1 {where}"
    assert _message(web).endswith(f"download it, and name the file (line 2 {where}")
    assert _message(elsewhere).endswith(f"mount its disk and name the path (line 3 {where}")
    assert [_item(entry).key for entry in (missing, web, elsewhere)] == [
        "k", "https://example.org/a.png", "file://other/a.png",
    ]  # fmt: skip


def test_names_that_are_not_utf_8_are_understood_as_programs_write_them(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")).write_bytes(b"a")
    entries = _open(tmp_path, b'\xef\xbb\xbf{"path": "\\udcff.png"}\r', b'{"path": "\xff.png", "key": "k"}')
    assert [_item(entry).key for entry in entries] == ["\udcff.png", "k"]
    assert [_item(entry).read(Limits()) for entry in entries] == [b"a", b"a"]


@pytest.mark.parametrize("content", [b"", b"\n \r\n"])
def test_a_manifest_of_nothing_is_a_fault(content: bytes, tmp_path: Path) -> None:
    [fault] = _open(tmp_path, content)
    assert _message(fault) == f"{tmp_path}/m.jsonl: names nothing"


def test_a_manifest_that_is_not_one_is_a_fault(tmp_path: Path) -> None:
    [fault] = _open(tmp_path, b"\x89PNG\r\n\x1a\n\0")
    assert _message(fault) == f"{tmp_path}/m.jsonl: is a PNG image, expected a list of names"
    [fault] = open_manifest(str(tmp_path), _ALL)
    assert _message(fault).startswith(f"{tmp_path}: is a folder")


def test_a_manifest_on_stdin_has_paths_relative_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(b"a")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b'{"path": "a.png"}\n')))
    [item] = open_manifest("-", _ALL)
    assert _item(item).read(Limits()) == b"a"
