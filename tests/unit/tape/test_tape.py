import contextlib
import copy
import errno
import logging
import os
import pickle
import signal
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from taped import digest_of, entry_of, place, recording, texts

from vision_grpc.errors import Code, SettingError
from vision_grpc.sources.object_file import ObjectError
from vision_grpc.sources.places.store_client import Bucket
from vision_grpc.tape import Finding, Tape, TapeError
from vision_grpc.tape.entry import pack
from vision_grpc.tape.store import MARKER

__all__ = ["place"]


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    """A tape in a folder, with one entry."""
    made = Tape(tmp_path / "tape")
    made.record(digest_of(0), recording("zero"))
    return made


def test_what_is_recorded_is_found(place: str) -> None:
    tape = Tape(place)
    assert texts(tape, range(3)) == [None, None, None]
    for number in (0, 2):
        tape.record(digest_of(number), recording(str(number)))
    for each in (tape, Tape(place), pickle.loads(pickle.dumps(tape)), copy.copy(tape)):  # noqa: S301 - our own bytes
        assert texts(each, range(4)) == ["0", None, "2", None]
        assert texts(each, [2, 0, 2]) == ["2", "0", "2"]
    assert texts(tape, []) == []


def test_the_last_recording_stays(place: str) -> None:
    tape = Tape(place)
    for text in ("first", "last"):
        tape.record(digest_of(0), recording(text))
    assert texts(tape, [0]) == ["last"]


def test_nothing_is_opened_before_the_first_use(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "a" / "tape")
    pickle.dumps(tape)
    assert [*tmp_path.iterdir()] == []
    assert texts(tape, [0]) == [None]
    assert [*tmp_path.iterdir()] == []
    tape.record(digest_of(0), recording())
    assert texts(tape, [0]) == ["Hello world"]


def test_settings_survive_pickling(tmp_path: Path) -> None:
    tape = Tape(tmp_path, mode="none", most_bytes=10**9, most_age_s=60.5)
    again = pickle.loads(pickle.dumps(tape))  # noqa: S301 - our own bytes
    assert repr(again) == repr(tape) == f"Tape({str(tmp_path)!r}, mode='none', most_bytes=1e+09, most_age_s=60.5)"


def test_a_relative_path_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of other programs have folders of their own."""
    monkeypatch.chdir(tmp_path)
    tape = Tape("tape")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    tape.record(digest_of(0), recording())
    assert (tmp_path / "tape").is_dir()


def test_a_home_folder_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Tape("~/tape").location == str(tmp_path / "tape")


def test_a_path_that_was_made_of_a_url_is_one() -> None:
    assert Tape(Path("s3://bucket/tape")).location == "s3://bucket/tape"


def test_a_url_of_a_file_is_a_path(tmp_path: Path) -> None:
    assert Tape((tmp_path / "a b").as_uri()).location == str(tmp_path / "a b")


def test_what_is_too_old_is_not_there(place: str) -> None:
    Tape(place).record(digest_of(0), recording()._replace(recorded_at=time.time() - 3600))
    assert texts(Tape(place, most_age_s=3000), [0]) == [None]
    assert texts(Tape(place, most_age_s=4000), [0]) == ["Hello world"]


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _socket(path: Path) -> None:
    path.unlink()
    # The whole path is longer than that of a socket may be.
    with closing(socket.socket(socket.AF_UNIX)) as listener, contextlib.chdir(path.parent):
        listener.bind(path.name)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: os.truncate(path, 100), "its checksum is wrong"),
        (lambda path: path.write_bytes(b""), "it is empty"),
        (lambda path: path.write_bytes(b"a picture"), "it does not begin as an entry does"),
        (lambda path: path.write_bytes(pack(digest_of(1), recording())), "under another name"),
        (_loop, "it is a link that leads to itself"),
        (_pipe, "it is not a file"),
        (_socket, "it is not a file"),
        (lambda path: os.truncate(path, 1 << 31), "it is larger than any answer"),
    ],
    ids=["cut", "empty", "foreign", "another entry", "a loop", "a pipe", "a socket", "a giant"],
)
def test_a_damaged_entry_is_reported_once_and_replaced(
    damage: Callable[[Path], object], reason: str, tape: Tape, caplog: pytest.LogCaptureFixture
) -> None:
    path = entry_of(tape)
    damage(path)
    with caplog.at_level(logging.WARNING, "vision_grpc.tape"):
        for _ in range(3):
            assert texts(tape, [0, 1]) == [None, None]
    [message] = caplog.messages
    assert message.startswith(f"the entry {path} of the tape counts as absent: it")
    assert reason in message
    tape.record(digest_of(0), recording("again"))
    assert texts(tape, [0]) == ["again"]


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.EACCES, "permission to read it is denied"), (errno.EIO, "the disk fails to read it")],
)
def test_an_entry_that_cannot_be_read_does_no_harm_to_others(
    tape: Tape, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int, reason: str
) -> None:
    tape.record(digest_of(1), recording("one"))
    open_it, path = os.open, str(entry_of(tape))

    def refuse(name: str, *arguments: int) -> int:
        if name == path:
            raise OSError(number, os.strerror(number))
        return open_it(name, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        assert texts(tape, [0, 1]) == [None, "one"]
        assert tape.stats().damaged.entries == 1
        found: list[Finding] = []
        assert tape.verify(on_finding=found.append).damaged == 1
    assert caplog.messages == [f"the entry {path} of the tape counts as absent: {reason}"]
    assert [(each.path, each.reason.partition(":")[0]) for each in found] == [(path, reason)]


def test_a_damaged_object_is_reported_too(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    tape = Tape("memory:///damaged")
    tape.record(digest_of(0), recording())
    monkeypatch.setattr("vision_grpc.tape.bucket._MOST_BYTES", 10)
    with caplog.at_level(logging.WARNING, "vision_grpc.tape"):
        assert texts(tape, [0]) == [None]
    [message] = caplog.messages
    assert message.startswith("the entry memory:///damaged/")
    assert message.endswith(f"{digest_of(0)} of the tape counts as absent: it is larger than any answer")


def test_a_folder_in_the_place_of_an_entry_is_an_error(tape: Tape) -> None:
    path = entry_of(tape)
    path.unlink()
    path.mkdir()
    assert texts(tape, [0]) == [None]
    with pytest.raises(TapeError, match="is a folder in the place of an entry; remove it"):
        tape.record(digest_of(0), recording())
    assert [*path.parent.iterdir()] == [path]


def test_an_entry_of_a_later_version_is_absent_and_no_fault(tape: Tape, caplog: pytest.LogCaptureFixture) -> None:
    path = entry_of(tape)
    path.write_bytes(path.read_bytes().replace(b"entry 1\n", b"entry 2\n"))
    assert texts(tape, [0]) == [None]
    assert caplog.messages == []


def test_a_link_to_a_folder_is_a_folder(tape: Tape, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tape.location)
    assert texts(Tape(tmp_path / "link"), [0]) == ["zero"]


def test_a_link_in_the_place_of_an_entry_is_replaced_and_not_what_it_leads_to(tape: Tape, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("of somebody else")
    path = entry_of(tape)
    path.unlink()
    path.symlink_to(tmp_path / "other")
    tape.record(digest_of(0), recording())
    assert stat.S_ISREG(path.lstat().st_mode)
    assert (tmp_path / "other").read_text() == "of somebody else"


def test_a_tape_that_is_removed_meanwhile_begins_anew(tape: Tape) -> None:
    for path in sorted(Path(tape.location).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    Path(tape.location).rmdir()
    assert texts(tape, [0]) == [None]
    tape.record(digest_of(0), recording("again"))
    assert texts(Tape(tape.location), [0]) == ["again"]


@pytest.mark.parametrize("name", [".gitkeep", ".DS_Store", "lost+found"])
def test_a_folder_that_is_as_good_as_empty_becomes_a_tape(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    Tape(tmp_path).record(digest_of(0), recording())
    assert texts(Tape(tmp_path), [0]) == ["Hello world"]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "scan.png").touch()
    tape = Tape(tmp_path)
    uses: list[Callable[[], object]] = [
        lambda: tape.find([digest_of(0)]),
        lambda: tape.record(digest_of(0), recording()),
    ]
    for use in uses:
        with pytest.raises(TapeError, match=r"is not a tape, and has other files in it; name a new or an empty folder"):
            use()
    for use in (tape.prune, tape.verify, tape.stats):
        with pytest.raises(TapeError, match="there is no tape at"):
            use()
    assert [*tmp_path.iterdir()] == [tmp_path / "scan.png"]


def test_what_removes_old_files_takes_the_marker_alone(place: str) -> None:
    """It is older than all entries, and rules of buckets and `find -mtime` do not know it."""
    Tape(place).record(digest_of(0), recording("first"))
    if place.startswith("memory:"):
        Bucket("memory", "").remove([f"{place.removeprefix('memory:///')}/{MARKER}"])
    else:
        (Path(place) / MARKER).unlink()
    tape = Tape(place)
    assert texts(tape, [0, 1]) == ["first", None]
    tape.record(digest_of(1), recording("second"))
    assert texts(Tape(place), [0, 1]) == ["first", "second"]
    assert tape.stats().all.entries == 2


@pytest.mark.parametrize("name", ["00/scan.png", "20/28/scan.png"])
def test_folders_with_names_like_those_of_a_tape_are_none(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / "00").mkdir(exist_ok=True)
    (tmp_path / "00" / "scan.png").touch()
    with pytest.raises(TapeError, match="has other files in it"):
        Tape(tmp_path).record(digest_of(0), recording())


def test_a_tape_of_which_empty_folders_are_left_begins_anew(tape: Tape) -> None:
    entry_of(tape).unlink()
    Path(tape.location, MARKER).unlink()
    again = Tape(tape.location)
    assert texts(again, [0]) == [None]
    again.record(digest_of(0), recording())
    assert Path(tape.location, MARKER).exists()


def test_a_prefix_of_something_else_is_left_alone() -> None:
    pytest.importorskip("obstore")
    Tape("memory:///of/another").record(digest_of(0), recording())
    tape = Tape("memory:///of")
    for use in (lambda: tape.find([digest_of(0)]), lambda: tape.record(digest_of(0), recording())):
        with pytest.raises(TapeError, match=r"is not a tape, and has other files in it; name a prefix"):
            use()
    with pytest.raises(TapeError, match="there is no tape at memory:///of"):
        tape.prune()


@pytest.mark.parametrize("place", ["folder", "store"], indirect=True)
def test_where_there_is_no_tape_none_is_looked_after(place: str, tmp_path: Path) -> None:
    tape = Tape(place)
    for use in (tape.prune, tape.verify, tape.stats):
        with pytest.raises(TapeError, match="there is no tape at"):
            use()
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("name", ["file", "file/tape"])
def test_a_file_is_not_a_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    tape = Tape(tmp_path / name)
    for use in (lambda: tape.find([digest_of(0)]), lambda: tape.record(digest_of(0), recording())):
        with pytest.raises(TapeError, match=r"the tape .*file.*: it is a file.*; name a folder"):
            use()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.EACCES, "permission is denied; check the permissions"),
        (errno.EROFS, "it is on a disk that may only be read; name another folder"),
        (errno.ENOSPC, "the disk is full; free some space"),
        (errno.EDQUOT, "the disk is full; free some space"),
        (errno.EMFILE, "this process may open no more files"),
        (errno.EIO, "a disk or device of this machine failed"),
        (errno.ENXIO, "No such device or address"),
    ],
)
@pytest.mark.parametrize("call", ["open", "write", "replace"])
def test_what_the_machine_refuses_is_said_and_leaves_nothing(
    call: str, number: int, expected: str, tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    before = sorted(Path(tape.location).rglob("*"))
    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(TapeError, match=r"the tape .*") as raised:
            tape.record(digest_of(0), recording("new"))
    assert str(raised.value).removeprefix(f"the tape {tape.location}: ").startswith(expected)
    assert raised.value.code is Code.FAILED_PRECONDITION
    assert sorted(Path(tape.location).rglob("*")) == before
    assert texts(tape, [0]) == ["zero"]


@pytest.fixture
def unreached(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A store that is away; the keys that were asked for."""
    asked: list[str] = []

    def refuse(_: object, key: str, *__: object) -> bytes:
        asked.append(key)
        raise ObjectError(Code.UNAVAILABLE, "the store cannot be reached")

    with monkeypatch.context() as patch:
        patch.setattr("vision_grpc.sources.places.store_client.Bucket.read", refuse)
        yield asked


def test_a_store_that_is_away_is_left_alone_for_a_while(unreached: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    tape = Tape("memory:///away")
    for _ in range(3):
        with pytest.raises(TapeError, match=r"the tape memory:///away: the store cannot be reached"):
            tape.find([digest_of(0)])
    assert len(unreached) == 1
    later = time.monotonic() + 31
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with pytest.raises(TapeError, match="cannot be reached"):
        tape.find([digest_of(0)])
    assert len(unreached) == 2


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.setitem(sys.modules, "obstore.exceptions", None)
    with pytest.raises(TapeError, match=r"obstore is not installed: pip install 'vision-grpc\[s3\]'"):
        Tape("s3://bucket/tape").find([digest_of(0)])


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("", "the place of a tape is ''"),
        ("  ", "must be a path, or the URL of a store"),
        ("a\0b", "must be a path, or the URL of a store"),
        ("https://example.net/tape", "there is no tape at https://example.net/tape: name a path, or a store such as"),
        ("ftp://example.net/tape", "name a path, or a store"),
        ("file://elsewhere/tape", "name a path, or a store"),
        ("file://", "name a path, or a store"),
        ("s3://", "and names no bucket: write s3://bucket/folder/"),
        ("s3:///tape", "and names no bucket"),
        ("file://key:S3cret@elsewhere/tape", "there is no tape at file://...: name a path"),
        ("redis://:S3cret@cache/0", "there is no tape at redis://...: name a path"),
        ("http://elsewhere/?token=S3cret", "there is no tape at http://...: name a path"),
        ("t1.9euelZqQ" + 40 * "a", "is a token or a key"),
    ],
)
def test_what_is_no_place_is_refused(location: str | Path, expected: str) -> None:
    with pytest.raises(SettingError) as raised:
        Tape(location)
    assert expected in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:S3cret@bucket/tape",
        "S3://key:S3cret@bucket",
        "gs://bucket/tape?X-Amz-Signature=S3cret",
        "az://a/b?sig=S3cret",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_shown(url: str) -> None:
    with pytest.raises(SettingError, match="credentials are taken from the environment") as raised:
        Tape(url)
    assert "S3cret" not in str(raised.value)


def test_an_account_in_a_url_is_no_password() -> None:
    assert Tape("abfss://container@account.dfs.core.windows.net/tape").location.startswith("abfss://container@")


@pytest.mark.parametrize("location", [None, 5, b"tape", ["tape"], True])
def test_what_is_not_a_place_at_all_is_a_type_error(location: str) -> None:
    with pytest.raises(TypeError, match=r"the place of a tape is .*, must be a path, or the URL of a store"):
        Tape(location)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"mode": "new"}, ValueError),
        ({"mode": None}, TypeError),
        ({"most_bytes": 0}, ValueError),
        ({"most_bytes": "10GB"}, TypeError),
        ({"most_bytes": 1.5}, ValueError),
        ({"most_age_s": 0}, ValueError),
        ({"most_age_s": float("nan")}, ValueError),
        ({"most_age_s": "30d"}, TypeError),
    ],
)
def test_arguments_without_meaning_are_refused(
    arguments: dict[str, object], error: type[Exception], tmp_path: Path
) -> None:
    with pytest.raises(error, match=next(iter(arguments))):
        Tape(tmp_path, **arguments)  # type: ignore[arg-type]


def test_a_store_that_was_used_before_a_fork_is_an_error_and_hangs_no_child() -> None:
    pytest.importorskip("obstore")
    tape = Tape("memory:///before-a-fork")
    tape.record(digest_of(0), recording())
    child = os.fork()
    if not child:
        signal.alarm(20)
        code = 1
        with contextlib.suppress(BaseException):
            try:
                tape.find([digest_of(0)])
            except TapeError as error:
                code = 0 if "start processes by spawn" in str(error) else 2
        os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert texts(tape, [0]) == ["Hello world"]
