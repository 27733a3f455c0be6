import errno
import os
import socket
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources.item import Entry, Fault, Item, Skipped
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.folder import open_folder

_LIMITS = Limits()
_ALL = SourceOptions()


def _make_files(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _below(folder: Path, entries: Iterator[Entry]) -> list[str]:
    """Return the images, by their paths below the folder, and the others with what they are in front."""
    shown: list[str] = []
    for entry in entries:
        match entry:
            case Item():
                shown.append(os.path.relpath(entry.key, folder))
            case Skipped():
                shown.append(f"skipped {os.path.relpath(entry.name, folder)}")
            case Fault():
                shown.append(f"fault {os.path.relpath(entry.name, folder)}")
    return shown


def _open(folder: Path, options: SourceOptions = _ALL) -> list[str]:
    return _below(folder, open_folder(str(folder), options))


def _error(entry: Entry) -> ImageError:
    if isinstance(entry, Item):
        error = entry.read(_LIMITS)
        assert isinstance(error, ImageError)
        return error
    assert isinstance(entry, Fault)
    return entry.error


def test_names_come_in_sorted_order_files_first_and_hidden_ones_are_left_out(tmp_path: Path) -> None:
    _make_files(tmp_path, "b.png", "B.JPG", "a.JpEg", "c.jfif", "d.jpe", ".hidden.png", ".git/x.png")
    _make_files(tmp_path, "z/1.png", "c/2.jpg", "c/d/3.PNG", "c.d/4.png", "empty/.keep")
    assert _open(tmp_path) == [
        "B.JPG", "a.JpEg", "b.png", "c.jfif", "d.jpe", "c/2.jpg", "c/d/3.PNG", "c.d/4.png", "z/1.png",
    ]  # fmt: skip


def test_a_hidden_folder_is_read_when_it_is_named(tmp_path: Path) -> None:
    _make_files(tmp_path, ".scans/1.png", ".scans/.2.png")
    assert _open(tmp_path / ".scans") == ["1.png"]


def test_keys_begin_with_the_folder_as_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make_files(tmp_path, "a/b/1.png")
    monkeypatch.chdir(tmp_path)
    keys = {folder: [entry.key for entry in open_folder(folder, _ALL) if isinstance(entry, Item)] for folder in
            (".", "a", "a/b", "../" + tmp_path.name)}  # fmt: skip
    assert keys == {
        ".": ["a/b/1.png"], "a": ["a/b/1.png"], "a/b": ["a/b/1.png"],
        f"../{tmp_path.name}": [f"../{tmp_path.name}/a/b/1.png"],
    }  # fmt: skip


def test_what_is_not_an_image_is_passed_over_by_kind(tmp_path: Path) -> None:
    _make_files(tmp_path, "a.png", "b.webp", "c.HEIC", "d.docx", "e", "f.tar.gz", "g.pdf", "h.0001")
    passed_over = [entry for entry in open_folder(str(tmp_path), _ALL) if isinstance(entry, Skipped)]
    assert [(Path(entry.name).name, entry.kind, entry.can_be_fitted) for entry in passed_over] == [
        ("b.webp", ".webp", True), ("c.HEIC", ".heic", True), ("d.docx", ".docx", False), ("e", "no suffix", False),
        ("f.tar.gz", ".tar.gz", False), ("g.pdf", ".pdf", True), ("h.0001", "no suffix", False),
    ]  # fmt: skip


def test_other_formats_are_read_when_images_are_fitted(tmp_path: Path) -> None:
    _make_files(tmp_path, "a.png", "b.webp", "c.HEIC", "d.docx")
    assert _open(tmp_path, SourceOptions(fit=True)) == ["a.png", "b.webp", "c.HEIC", "skipped d.docx"]


def test_texts_beside_images_are_not_counted(tmp_path: Path) -> None:
    _make_files(tmp_path, "a.png", "a.txt", "b.JPG", "b.JPG.TXT", "c.webp", "c.txt", "d.pdf", "d.pdf#page=3.txt")
    _make_files(tmp_path, "e.txt", "a.b.txt", "a.pn.txt", "sub/a.txt", "scan.1.png", "scan.txt", "x/1.png")
    passed_over = [entry for entry in _open(tmp_path) if entry.startswith("skipped")]
    assert passed_over == [
        "skipped a.b.txt", "skipped a.pn.txt", "skipped c.webp", "skipped d.pdf", "skipped e.txt", "skipped scan.txt",
        "skipped sub/a.txt",
    ]  # fmt: skip


def test_what_the_run_writes_itself_is_not_counted(tmp_path: Path) -> None:
    _make_files(tmp_path, "a.png", "out.jsonl", "sub/out.jsonl", "texts/sub/b.txt", "texts/notes.docx", "other/b.txt")
    own: list[str | Path] = [tmp_path / "out.jsonl", str(tmp_path / "texts"), "elsewhere.jsonl"]
    assert _open(tmp_path, SourceOptions(own_outputs=own)) == [
        "a.png", "skipped other/b.txt", "skipped sub/out.jsonl", "skipped texts/notes.docx",
    ]  # fmt: skip


def test_what_earlier_runs_have_left_of_an_output_is_not_counted(tmp_path: Path) -> None:
    _make_files(tmp_path, "r.jsonl", "r.jsonl.1", "r.jsonl.12", "r.jsonl.partial", "r.jsonl.3.partial", "n.5.partial")
    _make_files(tmp_path, "r.jsonl.0", "r.jsonl.x", "r.jsonl.1.2", "n.5.1", "n", "sub/r.jsonl.1", "sub/a.png")
    assert _open(tmp_path, SourceOptions(own_outputs=[tmp_path / "r.jsonl", tmp_path / "n.5"])) == [
        "skipped n", "skipped r.jsonl.0", "skipped r.jsonl.1.2", "skipped r.jsonl.x", "sub/a.png",
        "skipped sub/r.jsonl.1",
    ]  # fmt: skip


def test_an_output_that_is_a_link_is_not_counted(tmp_path: Path) -> None:
    _make_files(tmp_path, "scans/a.png", "kept/r.jsonl", "kept/r.jsonl.1")
    (tmp_path / "scans/out.jsonl").symlink_to(tmp_path / "kept/r.jsonl")
    own = SourceOptions(own_outputs=[tmp_path / "scans/out.jsonl"])
    assert _open(tmp_path, own) == ["scans/a.png"]


def test_what_the_run_writes_is_known_by_any_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make_files(tmp_path, "scans/a.png", "scans/out.jsonl")
    (tmp_path / "link").symlink_to("scans")
    monkeypatch.chdir(tmp_path / "scans")
    assert _below(tmp_path, open_folder(str(tmp_path / "link"), SourceOptions(own_outputs=["out.jsonl"]))) == [
        "link/a.png"
    ]


def test_patterns_choose_by_the_path_below_the_folder(tmp_path: Path) -> None:
    _make_files(tmp_path, "a.png", "b.jpg", "thumbs/a.png", "x/thumbs/b.png", "x/c.PNG", "x/d.docx", "x/y/e.png")
    assert _open(tmp_path, SourceOptions(include=["*.png"])) == [
        "a.png", "thumbs/a.png", "x/c.PNG", "x/thumbs/b.png", "x/y/e.png",
    ]  # fmt: skip
    assert _open(tmp_path, SourceOptions(exclude=["thumbs/", "*.docx"])) == ["a.png", "b.jpg", "x/c.PNG", "x/y/e.png"]
    assert _open(tmp_path, SourceOptions(include=["x/*.png", "/b.jpg"])) == ["b.jpg", "x/c.PNG"]
    assert _open(tmp_path, SourceOptions(include=["x/**/*.png"], exclude=["x/y"])) == ["x/c.PNG", "x/thumbs/b.png"]


def test_patterns_may_begin_with_the_folder_as_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make_files(tmp_path, "scans/a.png", "scans/thumbs/b.png")
    monkeypatch.chdir(tmp_path)
    for root in ("scans", str(tmp_path / "scans")):
        [item] = open_folder(root, SourceOptions(exclude=[f"{root}/thumbs/"]))
        assert isinstance(item, Item)
        assert item.key == f"{root}/a.png"


def test_an_excluded_folder_is_not_even_listed(tmp_path: Path, listed: list[str]) -> None:
    _make_files(tmp_path, "a.png", "x/b.png", "x/y/c.png")
    assert _open(tmp_path, SourceOptions(exclude=["x/"])) == ["a.png"]
    assert listed == [str(tmp_path)]


def test_a_folder_is_listed_when_its_turn_comes(tmp_path: Path, listed: list[str]) -> None:
    _make_files(tmp_path, "1.png", "a/2.png", "b/3.png")
    entries = open_folder(str(tmp_path), _ALL)
    assert listed == []
    for name in ("", "a", "b"):
        assert isinstance(next(entries), Item)
        assert listed[-1] == os.path.join(tmp_path, name).rstrip("/")  # noqa: PTH118 - as it is listed
    assert len(listed) == 3


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that have been listed."""
    folders: list[str] = []
    scandir = os.scandir

    def note(path: str) -> object:
        folders.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", note)
    return folders


def test_a_large_folder_is_held_as_names(tmp_path: Path) -> None:
    for number in range(2_000):
        os.mknod(tmp_path / f"{number:06}.png")
    tracemalloc.start()
    try:
        count = sum(1 for _ in open_folder(str(tmp_path), _ALL))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 2_000
    # A name of ten letters takes 59 bytes, and its place in a list 8 to 9.
    assert peak < count * 100


@pytest.fixture
def deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A folder that lies deeper than Python's calls, in a path of less than 4096 characters."""
    depth = 1100
    monkeypatch.chdir(tmp_path)
    for _ in range(depth):
        os.mkdir("d")  # noqa: PTH102 - relative to where it is
        os.chdir("d")
    Path("1.png").touch()
    os.chdir(tmp_path)
    yield "d/" * depth
    # shutil.rmtree calls itself.
    os.chdir("d/" * depth)
    Path("1.png").unlink()
    for _ in range(depth):
        os.chdir("..")
        os.rmdir("d")  # noqa: PTH106


def test_folders_lie_as_deep_as_they_like(deep: str) -> None:
    [item] = open_folder(".", _ALL)
    assert isinstance(item, Item)
    assert item.key == f"{deep}1.png"
    assert item.read(_LIMITS) == b""


# What cannot be read.


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        ([".keep"], SourceOptions(), "no image in this folder, expected *.jpg, *.jpeg or *.png"),
        (["x/y/.keep"], SourceOptions(), "no image in this folder, expected *.jpg, *.jpeg or *.png"),
        (
            [".keep"],
            SourceOptions(pdf=True),
            "no image in this folder, expected *.jpg, *.jpeg, *.png or *.pdf",
        ),
        (["a.webp", "b.docx"], SourceOptions(), "no image in this folder can be sent as it is"),
        (["a.png"], SourceOptions(include=["*.jpg"]), "no image in this folder that the patterns leave, check them"),
        (["a/1.png"], SourceOptions(exclude=["a"]), "no image in this folder that the patterns leave, check them"),
    ],
)
def test_a_folder_without_images_is_a_fault(
    names: list[str], options: SourceOptions, message: str, tmp_path: Path
) -> None:
    _make_files(tmp_path, *names)
    *_, fault = open_folder(str(tmp_path), options)
    assert _error(fault) == ImageError(Code.NOT_FOUND, f"{tmp_path}: {message}")


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        (errno.EACCES, Code.PERMISSION_DENIED, "the folder cannot be read (Permission denied), check its permissions"),
        (errno.ENOENT, Code.NOT_FOUND, "the folder is gone, it was moved or removed meanwhile"),
        (errno.ENOTDIR, Code.NOT_FOUND, "the folder is gone, it was moved or removed meanwhile"),
        (errno.ENAMETOOLONG, Code.INVALID_ARGUMENT, "the folder cannot be read (File name too long)"),
    ],
)
def test_a_folder_that_cannot_be_listed_is_a_fault_and_the_others_are_read(
    number: int, code: Code, message: str, tmp_path: Path, scan: "Scan"
) -> None:
    _make_files(tmp_path, "1.png", "closed/2.png", "open/3.png")
    scan.fails_for(tmp_path / "closed", OSError(number, os.strerror(number)))
    entries = list(open_folder(str(tmp_path), _ALL))
    assert _below(tmp_path, iter(entries)) == ["1.png", "fault closed", "open/3.png"]
    assert _error(entries[1]) == ImageError(code, f"{tmp_path}/closed: {message}")


def test_a_shortage_of_the_machine_may_be_over_at_the_next_run(tmp_path: Path, scan: "Scan") -> None:
    scan.fails_for(tmp_path, OSError(errno.EMFILE, "Too many open files"))
    [fault] = open_folder(str(tmp_path), _ALL)
    assert _error(fault).retryable
    assert "ulimit -n" in _error(fault).message


def test_what_was_listed_before_a_disk_failed_is_read(tmp_path: Path, scan: "Scan") -> None:
    _make_files(tmp_path, "1.png", "2.png", "a/3.png")
    scan.fails_for(tmp_path, OSError(errno.EIO, "Input/output error"), after=3)
    assert _open(tmp_path) == ["1.png", "2.png", "fault .", "a/3.png"]


def test_folders_and_files_may_vanish_during_the_walk(tmp_path: Path) -> None:
    _make_files(tmp_path, "1.png", "2.png", "a/3.png", "b/4.png")
    entries = open_folder(str(tmp_path), _ALL)
    assert isinstance(next(entries), Item)
    (tmp_path / "2.png").unlink()
    (tmp_path / "a/3.png").unlink()
    (tmp_path / "a").rmdir()
    second, fault, fourth = entries
    assert _error(second).message == f"{tmp_path}/2.png: no such file, check the path"
    assert _error(fault).message == f"{tmp_path}/a: the folder is gone, it was moved or removed meanwhile"
    assert isinstance(fourth, Item)
    assert fourth.read(_LIMITS) == b""


class Scan:
    """`os.scandir`, as it fails."""

    def __init__(self) -> None:
        self._scandir: Callable[[str], os._ScandirIterator[str]] = os.scandir
        self._failures: dict[str, tuple[OSError, int]] = {}

    def fails_for(self, folder: Path, error: OSError, *, after: int = 0) -> None:
        """Raise an error for a folder after so many of its entries."""
        self._failures[str(folder)] = (error, after)

    def __call__(self, path: str) -> "Scan._Entries":
        error, after = self._failures.get(path, (None, 0))
        if error is not None and not after:
            raise error
        return Scan._Entries(self._scandir(path), error, after)

    class _Entries:
        def __init__(self, entries: "os._ScandirIterator[str]", error: OSError | None, after: int) -> None:
            self._entries, self._error, self._after = entries, error, after

        def __enter__(self) -> "Scan._Entries":
            return self

        def __exit__(self, *_: object) -> None:
            self._entries.close()

        def __iter__(self) -> "Iterator[os.DirEntry[str]]":
            for number, entry in enumerate(self._entries):
                if self._error is not None and number == self._after:
                    raise self._error
                yield entry
            if self._error is not None:
                raise self._error


@pytest.fixture
def scan(monkeypatch: pytest.MonkeyPatch) -> Scan:
    # Permissions would not keep out root, as whom containers run tests.
    scan = Scan()
    monkeypatch.setattr(os, "scandir", scan)
    return scan


@pytest.mark.parametrize("kind", ["pipe", "socket", "link to a pipe"])
def test_what_is_not_a_regular_file_keeps_nobody_waiting(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make_files(tmp_path, "1.png")
    monkeypatch.chdir(tmp_path)  # Names of sockets are short.
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("2.png")
    elif kind == "pipe":
        os.mkfifo("2.png")
    else:
        os.mkfifo("pipe")
        Path("2.png").symlink_to("pipe")
    second = next(
        entry for entry in open_folder(str(tmp_path), _ALL) if isinstance(entry, Item) and "2" in entry.key[-5:]
    )
    assert _error(second) == ImageError(
        Code.INVALID_ARGUMENT,
        f"{tmp_path}/2.png: not a regular file, move it away (a pipe may be named itself)",
    )


# Links.


def test_links_to_files_are_read_and_broken_ones_say_where_they_lead(tmp_path: Path) -> None:
    _make_files(tmp_path, "scans/x", "links/.keep")
    (tmp_path / "links/1.png").symlink_to("../scans/x")
    (tmp_path / "links/2.png").symlink_to("gone there.png")
    (tmp_path / "links/3.png").symlink_to("3.png")
    first, second, third = open_folder(str(tmp_path / "links"), _ALL)
    assert isinstance(first, Item)
    assert first.read(_LIMITS) == b""
    assert _error(second).message == f"{tmp_path}/links/2.png: broken link to 'gone there.png', mend it"
    assert _error(third).message.startswith(f"{tmp_path}/links/3.png: a link that leads back to itself, mend it")


def test_a_broken_link_that_may_have_led_to_a_folder_is_a_fault(tmp_path: Path) -> None:
    _make_files(tmp_path, "1.png")
    (tmp_path / "disk").symlink_to("/nowhere/scans")
    (tmp_path / "odd").symlink_to("odd")
    _, disk, odd = open_folder(str(tmp_path), _ALL)
    assert _error(disk).message == f"{tmp_path}/disk: broken link to /nowhere/scans, mend it"
    assert "leads back to itself" in _error(odd).message


def test_links_to_folders_are_followed_when_that_is_wished(tmp_path: Path) -> None:
    _make_files(tmp_path, "scans/1.png", "other/a/2.png")
    (tmp_path / "scans/link").symlink_to(tmp_path / "other")
    assert _open(tmp_path / "scans") == ["1.png", "skipped link"]
    assert _open(tmp_path / "scans", SourceOptions(follow_links=True)) == ["1.png", "link/a/2.png"]


def test_a_link_to_what_is_read_without_it_is_left_out(tmp_path: Path) -> None:
    _make_files(tmp_path, "2024/1.png", "2024/x/2.png", ".store/3.png")
    (tmp_path / "latest").symlink_to("2024")
    (tmp_path / "2024/up").symlink_to(tmp_path)
    (tmp_path / "stored").symlink_to(".store")
    assert _open(tmp_path) == ["2024/1.png", "2024/x/2.png", "skipped stored"]


def test_a_link_that_is_named_is_followed(tmp_path: Path) -> None:
    _make_files(tmp_path, "scans/1.png")
    (tmp_path / "link").symlink_to("scans")
    assert _open(tmp_path / "link") == ["1.png"]


def test_a_folder_behind_many_links_is_read_once(tmp_path: Path) -> None:
    _make_files(tmp_path, "scans/real/1.png", "scans/real/x/2.png", "scans/out/0.png", "other/a/3.png", "other/4.png")
    options = SourceOptions(follow_links=True)
    for number in range(3):
        (tmp_path / f"scans/link{number}").symlink_to("real")
        (tmp_path / f"scans/out/x{number}").symlink_to(tmp_path / "scans/real/x")
    assert _open(tmp_path / "scans", options) == ["out/0.png", "real/1.png", "real/x/2.png"]
    for name, to in (("to_a", "other/a"), ("to_other", "other"), ("up", ".")):
        (tmp_path / "scans" / name).symlink_to(tmp_path / to)
    entries = list(open_folder(str(tmp_path / "scans"), options))
    assert _below(tmp_path / "scans", iter(entries)) == [
        "out/0.png", "real/1.png", "real/x/2.png", "to_a/3.png", "to_other/4.png", "fault to_other/a",
        "fault up/other", "fault up/scans",
    ]  # fmt: skip
    scans = tmp_path / "scans"
    assert _error(entries[5]).message == f"{scans}/to_other/a: this folder is read already as {scans}/to_a, exclude it"


def test_a_link_to_a_folder_that_patterns_leave_out_is_followed(tmp_path: Path) -> None:
    _make_files(tmp_path, "real/1.png", "real/x/2.png")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "to_x").symlink_to("real/x")
    assert _open(tmp_path, SourceOptions(follow_links=True, exclude=["real"])) == [
        "link/1.png",
        "link/x/2.png",
        "fault to_x",
    ]
    included = _open(tmp_path, SourceOptions(follow_links=True, include=["link/*.png"]))
    assert included == ["link/1.png", "fault real", "fault to_x"]


def test_folders_that_link_to_one_another_are_read_once_each(tmp_path: Path) -> None:
    folders = [tmp_path / f"d{number}" for number in range(7)]
    _make_files(tmp_path, *(f"{folder.name}/x.png" for folder in folders))
    for folder in folders:
        for other in folders:
            if other != folder:
                (folder / f"to_{other.name}").symlink_to(f"../{other.name}")
    assert _open(tmp_path, SourceOptions(follow_links=True)) == [f"{folder.name}/x.png" for folder in folders]


def test_loops_of_links_are_named_once_each_and_end(tmp_path: Path) -> None:
    _make_files(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "a/self").symlink_to(".")
    (tmp_path / "a/top").symlink_to("..")
    (tmp_path / "b/to_a").symlink_to("../a")
    (tmp_path / "a/to_b").symlink_to("../b")
    entries = list(open_folder(str(tmp_path), SourceOptions(follow_links=True)))
    assert _below(tmp_path, iter(entries)) == [
        "a/1.png", "fault a/self", "fault a/top", "b/2.png",
    ]  # fmt: skip
    assert _error(entries[1]).message == f"{tmp_path}/a/self: a link back to {tmp_path}/a, exclude it"
    assert "fault a/self" not in _open(tmp_path, SourceOptions(follow_links=True, exclude=["self"]))


# Names of any bytes.


def test_names_of_any_bytes_are_kept_and_shown_escaped(tmp_path: Path) -> None:
    names = [b"\xff.png", b"a\nb.png", b"c\rd\te.png", b" f .png", b"'.png"]
    for name in names:
        Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name))).touch()  # noqa: PTH118 - bytes
    (tmp_path / os.fsdecode(b"\xfe.png")).symlink_to("gone")
    entries = list(open_folder(str(tmp_path), _ALL))
    keys = [os.path.basename(os.fsencode(entry.key)) for entry in entries if isinstance(entry, Item)]  # noqa: PTH119
    assert sorted(keys) == sorted([*names, b"\xfe.png"])
    [broken] = [entry for entry in entries if isinstance(entry, Item) and entry.key.endswith("\udcfe.png")]
    assert _error(broken).message == rf"$'{tmp_path}/\xfe.png': broken link to gone, mend it"


def test_a_path_that_looks_like_nothing_known_is_only_a_name(tmp_path: Path) -> None:
    _make_files(tmp_path, "-.png", "--include.png", "#1.png", "s3:/x.png", "a*.png", "~.png")
    assert len([entry for entry in open_folder(str(tmp_path), _ALL) if isinstance(entry, Item)]) == 6
