import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journaled import SETTINGS, failed, read

from vision_grpc.bulk.half_files import half_name
from vision_grpc.bulk.journal import Journal, read_journal
from vision_grpc.bulk.text_folder import TextFolder, TextFolderError


def _files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if not path.is_dir()}


def _regular_files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("a.png", "a.txt"),
        ("scans/b.JPEG", "scans/b.txt"),
        ("scans/b.jp2", "scans/b.txt"),
        ("./scans//b.jpg", "scans/b.txt"),
        ("/data/c.tiff", "data/c.txt"),
        ("../../d.webp", "__/__/d.txt"),
        ("s3://bucket/e.png", "bucket/e.txt"),
        ("https://host/f.jpg?size=1", "host/f.jpg?size=1.txt"),
        ("file.pdf#page=3", "file.pdf#page=3.txt"),
        ("page.1", "page.1.txt"),
        (".png", ".png.txt"),
        ("member", "member.txt"),
        ("скан.png", "скан.txt"),
        ("caf\udce9.png", "caf\udce9.txt"),
        ("a\nb.png", "a\nb.txt"),
        ("-", "-.txt"),
        ("#0", "#0.txt"),
        ("..", "__.txt"),
        ("", "image.txt"),
        ("/", "image.txt"),
        ("a\0b.png", "a\\x00b.txt"),
    ],
)
def test_the_folder_mirrors_the_names_of_the_images(tmp_path: Path, key: str, name: str) -> None:
    folder = TextFolder(tmp_path / "texts")
    folder.write(read(key, "слово"))
    [path] = [path for path in (tmp_path / "texts").rglob("*") if not path.is_dir()]
    assert path == tmp_path / "texts" / name
    assert path.read_text() == "слово\n"


def test_two_images_of_one_name_have_a_text_each(tmp_path: Path) -> None:
    folder = TextFolder(tmp_path)
    for key in ("a.jpg", "a.png", "x/a.png", "a.jpg", "../a.png", "__/a.jpg", "__/a.png", "a", "a.jpg.txt"):
        folder.write(read(key, key))
    files = _files(tmp_path)
    assert files["a.txt"] == "a.jpg\n"
    assert files["a.png.txt"] == "a.png\n"
    assert files["x/a.txt"] == "x/a.png\n"
    assert sorted(files.values()) == sorted(
        f"{key}\n" for key in ("a.jpg", "a.png", "x/a.png", "../a.png", "__/a.jpg", "__/a.png", "a", "a.jpg.txt")
    )


def test_names_follow_the_sources_whichever_answer_comes_first(tmp_path: Path) -> None:
    keys = ["n/x.jpg", "n/x.k1.png", "n/x.png", "c.txt/d.png", "c.png"]
    for name, order in (("even", keys), ("odd", keys[::-1])):
        folder = TextFolder(tmp_path / name)
        for key in keys:
            folder.claim(key)
        for key in order:
            folder.write(read(key, key))
    expected = {
        "n/x.txt": "n/x.jpg\n",
        "n/x.k1.txt": "n/x.k1.png\n",
        "n/x.png.txt": "n/x.png\n",
        "c.txt/d.txt": "c.txt/d.png\n",
        "c.png.txt": "c.png\n",
    }
    assert _files(tmp_path / "even") == _files(tmp_path / "odd") == expected
    assert folder.moved == 0


def test_a_resume_gives_the_same_names(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    keys = ["a.gif", "a.jpg", "a.png", "b.jpg", "b.png"]

    def texts() -> TextFolder:
        folder = TextFolder(tmp_path / "texts")
        for key in keys:
            folder.claim(key)
        return folder

    first = texts()
    with Journal.open(path, SETTINGS) as journal:
        for key in ("a.png", "a.jpg", "b.png"):
            first.write(read(key, key))
            journal.write(read(key, key))
        journal.write(failed("b.jpg"))
    again = texts()
    with Journal.open(path, SETTINGS) as journal:
        for key in ("b.jpg", "a.gif"):
            again.write(read(key, key))
            journal.write(read(key, key))
    assert again.catch_up(read_journal(path)) == 0
    expected = {
        "a.txt": "a.gif\n",
        "a.jpg.txt": "a.jpg\n",
        "a.png.txt": "a.png\n",
        "b.txt": "b.jpg\n",
        "b.png.txt": "b.png\n",
    }
    assert _files(tmp_path / "texts") == expected
    # A folder that is filled from the journal alone has the same names.
    shutil.rmtree(tmp_path / "texts")
    assert texts().catch_up(read_journal(path)) == len(keys)
    assert _files(tmp_path / "texts") == expected


def test_an_image_that_is_new_takes_no_text_away(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with Journal.open(path, SETTINGS) as journal:
        TextFolder(tmp_path / "texts").write(read("a.png", "a.png"))
        journal.write(read("a.png", "a.png"))
    folder = TextFolder(tmp_path / "texts")
    for key in ("a.jpg", "a.png"):
        folder.claim(key)
    folder.write(read("a.jpg", "a.jpg"))
    assert folder.catch_up(read_journal(path)) == 0
    assert _files(tmp_path / "texts") == {"a.txt": "a.png\n", "a.jpg.txt": "a.jpg\n"}
    assert folder.moved == 1


def test_files_of_the_user_stay(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("LABEL")
    (tmp_path / "b.txt").write_text("five\n")
    (tmp_path / "c.txt").mkdir()
    (tmp_path / "d.txt").symlink_to("nowhere")
    (tmp_path / "e").write_text("no folder")
    (tmp_path / "f.txt").touch()
    mine = {"a.txt": "LABEL", "b.txt": "five\n", "e": "no folder", "f.txt": ""}
    keys = ["a.png", "b.png", "c.png", "d.png", "e/f.png", "f.png"]
    for _ in range(2):
        folder = TextFolder(tmp_path)
        for key in keys:
            folder.write(read(key, "text"))
        folder.write(read("b.jpg", "five"))
        assert (tmp_path / "d.txt").is_symlink()
        files = _regular_files(tmp_path)
        [hashed] = [name for name in files if name.startswith("f.png~")]
        assert files == mine | {f"{key}.txt": "text\n" for key in keys if "/" not in key} | {
            hashed: "text\n",
            "b.jpg.txt": "five\n",
        }
        assert folder.moved == len(keys)


def test_equal_texts_do_not_pile_up(tmp_path: Path) -> None:
    for text in ("one", "one", "two", "two", "three", "four"):
        folder = TextFolder(tmp_path)
        folder.write(read("x/a.png", text))
    files = _files(tmp_path)
    assert files["x/a.txt"] == "one\n"
    assert files["x/a.png.txt"] == "two\n"
    assert len(files) == 4
    assert "four\n" in files.values()


def test_the_outputs_of_a_run_are_never_written_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    outputs = [tmp_path / "link" / "r.txt", tmp_path / "x" / "s.txt", tmp_path.parent / "t.txt"]
    folder = TextFolder(tmp_path, outputs=outputs)
    for key in ("r.png", "x/s.png", "t.png"):
        folder.write(read(key, key))
    assert _files(tmp_path) == {"r.png.txt": "r.png\n", "x/s.png.txt": "x/s.png\n", "t.txt": "t.png\n"}


class _KilledError(BaseException):
    """As KeyboardInterrupt, wherever it comes."""


def test_no_half_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    names = [f"{half_name().decode().rpartition('-')[0]}-{number}.part" for number in (ended.pid, os.getppid())]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / ".vision-grpc-mine.part").touch()
    folder = TextFolder(tmp_path)
    left = {names[1], ".vision-grpc-mine.part"}
    assert {path.name for path in tmp_path.iterdir()} == left

    def end(*_: object) -> None:
        raise _KilledError

    monkeypatch.setattr("os.replace", end)
    with pytest.raises(_KilledError):
        folder.write(read("x/a.png", "text"))
    assert {path.name for path in tmp_path.rglob("*") if not path.is_dir()} == left


def test_texts_of_a_journal_that_are_missing_are_written(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with Journal.open(path, SETTINGS) as journal:
        for result in (read("a.png", "one"), read("b.png", "two"), failed("c.png"), read("d.png")):
            journal.write(result)
    folder = TextFolder(tmp_path / "texts")
    folder.write(read("a.png", "one"))
    (tmp_path / "texts" / "b.txt").touch()  # As a power loss may leave it.
    assert folder.catch_up(read_journal(path)) == 2
    assert folder.catch_up(read_journal(path)) == 0
    assert _files(tmp_path / "texts") == {"a.txt": "one\n", "b.txt": "two\n", "d.txt": ""}


def test_a_failed_image_has_no_text(tmp_path: Path) -> None:
    TextFolder(tmp_path).write(failed("a.png"))
    assert _files(tmp_path) == {}


def test_names_that_no_file_can_have_are_shortened(tmp_path: Path) -> None:
    folder = TextFolder(tmp_path)
    keys = ["ы" * 200 + ".png", "ы" * 200 + ".jpg", "x" * 4_000, "d/" * 1_990 + "a.png", "y" * 300 + "/b.png"]
    for key in keys:
        folder.write(read(key, key[:3]))
    assert sorted(_files(tmp_path).values()) == sorted(f"{key[:3]}\n" for key in keys)


def test_a_text_where_a_folder_has_to_be(tmp_path: Path) -> None:
    folder = TextFolder(tmp_path)
    for key in ("a.png", "a.txt/b.png", "c.txt/d.png", "c.png"):
        folder.write(read(key, key))
    assert sorted(_files(tmp_path).values()) == ["a.png\n", "a.txt/b.png\n", "c.png\n", "c.txt/d.png\n"]


def test_a_text_is_never_seen_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = TextFolder(tmp_path)
    folder.write(read("a.png", "old"))

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(TextFolderError, match=r"a\.png\.txt: cannot be written: the disk is full; free some space"):
        folder.write(read("a.png", "new"))
    assert _files(tmp_path) == {"a.txt": "old\n"}


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TextFolderError, match="/file/texts: is below a file; name another folder"):
        TextFolder(tmp_path / "file" / "texts")
    with pytest.raises(TextFolderError, match="/file: is not a folder; name another folder"):
        TextFolder(tmp_path / "file")
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(TextFolderError, match="/link: is not a folder; name another folder"):
        TextFolder(tmp_path / "link")


_PARTS = st.sampled_from(
    ["..", ".", "", "a", "b.png", "a.jpg", "__", "c#page=1", "\udcff", "~", "s3:", "x" * 260, "\0"]
)


@given(st.lists(st.lists(_PARTS, max_size=5).map("/".join), unique=True, max_size=6))
def test_no_text_is_outside_or_lost(tmp_path_factory: pytest.TempPathFactory, keys: list[str]) -> None:
    root = tmp_path_factory.mktemp("root")
    folder = TextFolder(root / "texts")
    for number, key in enumerate(keys):
        folder.write(read(key, str(number)))
    assert list(root.iterdir()) == [root / "texts"]
    assert sorted(_files(root / "texts").values()) == sorted(f"{number}\n" for number in range(len(keys)))
