import os
import socket
from pathlib import Path

import pytest

from vision_grpc.cli.inputs import list_images


def make_files(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_folder_is_read_in_sorted_order_without_what_is_hidden_or_no_image(tmp_path: Path) -> None:
    make_files(tmp_path, "b.png", "B.JPG", "a.JpEg", "notes.txt", "png", ".hidden.png", ".git/x.png")
    make_files(tmp_path, "z/1.png", "c/2.jpg", "c/d/3.PNG", "empty/readme")
    complaints: list[str] = []
    found = [str(Path(path).relative_to(tmp_path)) for path in list_images([str(tmp_path)], complaints)]
    assert found == ["B.JPG", "a.JpEg", "b.png", "c/2.jpg", "c/d/3.PNG", "z/1.png"]
    assert complaints == []


def test_what_is_named_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    make_files(tmp_path, ".scans/.x.png", ".scans/scan", ".scans/1.png")
    named = [str(tmp_path / ".scans/scan"), "missing.tiff", "./-", str(tmp_path / ".scans")]
    assert list(list_images(named, [])) == [*map(Path, named[:3]), tmp_path / ".scans/1.png"]


def test_stdin_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_files(tmp_path, "-/1.png")
    monkeypatch.chdir(tmp_path)
    assert list(list_images(["-"], [])) == ["-"]


def test_a_folder_without_images_is_a_complaint(tmp_path: Path) -> None:
    make_files(tmp_path, "notes.txt")
    complaints: list[str] = []
    assert list(list_images([str(tmp_path)], complaints)) == []
    assert complaints == [f"{tmp_path}: no image in this folder, expected *.jpg, *.jpeg or *.png"]


def test_a_folder_that_cannot_be_listed_is_a_complaint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_files(tmp_path, "1.png", "closed/2.png")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    # Permissions would not keep out root, as whom containers run tests.
    monkeypatch.setattr(os, "scandir", refuse)
    complaints: list[str] = []
    assert list(list_images([str(tmp_path)], complaints)) == [tmp_path / "1.png"]
    assert complaints == [f"{tmp_path}/closed: the folder cannot be read (Permission denied), check its permissions"]


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_is_no_regular_file_in_a_folder_keeps_nobody_waiting(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_files(tmp_path, "1.png")
    if kind == "pipe":
        os.mkfifo(tmp_path / "2.png")
    else:
        monkeypatch.chdir(tmp_path)  # Names of sockets are short.
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("2.png")
    complaints: list[str] = []
    assert list(list_images([str(tmp_path)], complaints)) == [tmp_path / "1.png"]
    assert complaints == [f"{tmp_path}/2.png: not a regular file, move it away (a pipe may be named itself)"]
    assert list(list_images([str(tmp_path / "2.png")], [])) == [tmp_path / "2.png"]


def test_a_link_that_leads_nowhere_is_told_of_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "1.png").symlink_to("gone.png")
    assert list(list_images([str(tmp_path)], [])) == [tmp_path / "1.png"]


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    make_files(tmp_path, "1.png")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert list(list_images([str(tmp_path)], [])) == [tmp_path / "1.png"]
