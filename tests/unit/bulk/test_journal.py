"""Journals that are begun, continued and refused."""

import json
import logging
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from journaled import SETTINGS, failed, read

from vision_grpc.bulk.journal import Journal, JournalError, OtherSettingsError, look, read_header
from vision_grpc.cli.flags import in_flags
from vision_grpc.errors import Code


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


def _fill(path: Path) -> None:
    with Journal.open(path, SETTINGS) as journal:
        journal.write(read("a.png", "one"))
        journal.write(failed("b.png"))
        journal.write(failed("c.png", Code.NOT_FOUND))


def test_a_new_journal_begins_with_its_settings(path: Path) -> None:
    with Journal.open(path, SETTINGS) as journal:
        assert not journal.was_resumed
        assert journal.kept_aside is None
        assert len(journal.done) == 0
    [line] = path.read_text().splitlines()
    told = json.loads(line)
    assert list(told["journal"])[:4] == ["format", "program", "created_at", "settings"]
    assert told["journal"]["settings"] == SETTINGS
    assert read_header(path).settings == SETTINGS


def test_a_line_is_in_the_file_when_it_is_written(path: Path) -> None:
    with Journal.open(path, SETTINGS) as journal:
        journal.write(read("a.png", "one"))
        assert path.read_bytes().endswith(b"}\n")
        assert b'"a.png"' in path.read_bytes()


def test_a_journal_goes_on(path: Path) -> None:
    _fill(path)
    with Journal.open(path, SETTINGS) as journal:
        done = journal.done
        assert journal.was_resumed
        assert [key in done for key in ("a.png", "b.png", "c.png", "d.png")] == [True, False, True, False]
        assert (done.ok, done.billed, len(done)) == (1, 1, 3)
        journal.write(read("b.png", "two"))
        journal.finish({"ok": 2})
    with Journal.open(path, SETTINGS, retry_failed=True) as journal:
        done = journal.done
        assert (done.ok, done.billed, len(done)) == (2, 2, 3)
        assert [key in journal.done for key in ("a.png", "b.png", "c.png")] == [True, True, False]
    assert path.read_bytes().count(b'{"journal":') == 2


def test_results_of_one_image_are_billed_each(path: Path) -> None:
    with Journal.open(path, SETTINGS) as journal:
        journal.write(read("a.png", "one"))
        journal.write(failed("a.png"))
    with Journal.open(path, SETTINGS) as journal:
        assert (journal.done.ok, journal.done.billed, len(journal.done)) == (0, 1, 1)
        assert "a.png" not in journal.done


def test_lost_answers_are_billed_as_noted(path: Path) -> None:
    with Journal.open(path, SETTINGS) as journal:
        journal.note_billed(64)
        journal.write(read("a.png", "one"))
    with Journal.open(path, SETTINGS) as journal:
        # As after a kill: any of the 64 may have been in flight.
        assert (journal.done.billed, journal.done.counts_lost) == (64, True)
        journal.note_billed(3)
    assert look(path, SETTINGS).billed == 3


def test_a_look_changes_nothing(path: Path) -> None:
    assert len(look(path, SETTINGS)) == 0
    assert not path.exists()
    _fill(path)
    with path.open("ab") as file:
        file.write(b'{"key":"torn')
    before = path.read_bytes()
    # Beside a run that goes on, too.
    with Journal.open(path, SETTINGS):
        mended = path.read_bytes()
        assert [key in look(path, SETTINGS) for key in ("a.png", "b.png", "c.png")] == [True, False, True]
        assert path.read_bytes() == mended != before
    with pytest.raises(OtherSettingsError):
        look(path, {**SETTINGS, "model": "line"})


@pytest.mark.parametrize(
    "key", ["caf\udce9.png", r"caf\xe9.png", "\ud800", "\udcff\ud800", "a\nb", 'a"b', "", "\0", "a\u2028b", "ы" * 4_000]
)
def test_every_key_is_found_again(path: Path, key: str) -> None:
    with Journal.open(path, SETTINGS) as journal:
        journal.write(read(key, "one"))
    with Journal.open(path, SETTINGS) as journal:
        assert key in journal.done
        assert len(journal.done) == 1
        assert "other" not in journal.done


def test_a_name_that_looks_escaped_is_not_the_escaped_name(path: Path) -> None:
    with Journal.open(path, SETTINGS) as journal:
        journal.write(read("caf\udce9.png", "one"))
    with Journal.open(path, SETTINGS) as journal:
        assert r"caf\xe9.png" not in journal.done
        journal.write(read(r"caf\xe9.png", "two"))
    with Journal.open(path, SETTINGS) as journal:
        assert len(journal.done) == 2


def test_other_settings_are_all_named_at_once(path: Path) -> None:
    _fill(path)
    before = path.read_bytes()
    now = {"api": "vision/v1", "languages": ["en"], "model": "line", "fit": True, "sources": ["scans"]}
    with pytest.raises(OtherSettingsError) as caught:
        Journal.open(path, now)
    text = str(caught.value)
    assert "languages: ru,en in the journal, en now; model: none in the journal, line now; fit: no in" in text
    assert "sources: none in the journal, scans now" in text
    assert "api" not in text
    assert [each.setting for each in caught.value.differences] == ["languages", "model", "fit", "sources"]
    assert text.startswith(f"{path}: was begun with other settings")
    assert "restart=True" in text
    assert "--restart" in in_flags(caught.value)
    assert path.read_bytes() == before
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert (str(again), again.differences) == (text, caught.value.differences)


def test_settings_are_the_same_in_another_shape(path: Path) -> None:
    with Journal.open(path, {"languages": ("ru",), "sources": ["caf\udce9"], "fit": None}) as journal:
        journal.write(read("a.png", "one"))
    with Journal.open(path, {"languages": ["ru"], "sources": ("caf\udce9",), "model": None}) as journal:
        assert journal.was_resumed


def test_a_restart_keeps_the_old_journal_aside(path: Path) -> None:
    _fill(path)
    before = path.read_bytes()
    with Journal.open(path, {**SETTINGS, "languages": ["en"]}, restart=True) as journal:
        assert journal.kept_aside == path.with_name("results.jsonl.1")
        assert len(journal.done) == 0
        journal.write(read("a.png", "one"))
    assert path.with_name("results.jsonl.1").read_bytes() == before
    assert read_header(path).settings["languages"] == ["en"]
    with Journal.open(path, SETTINGS, restart=True) as journal:
        assert journal.kept_aside == path.with_name("results.jsonl.2")
    # Where no result would be lost, nothing is kept.
    with Journal.open(path, {}, restart=True) as journal:
        assert journal.kept_aside is None
    with Journal.open(path.with_name("new.jsonl"), SETTINGS, restart=True) as journal:
        assert journal.kept_aside is None


def test_a_link_to_a_journal_is_the_journal(path: Path) -> None:
    _fill(path)
    link = path.with_name("link.jsonl")
    link.symlink_to(path.name)
    with Journal.open(link, SETTINGS) as journal:
        assert journal.was_resumed
        with pytest.raises(JournalError, match="is writing this journal"):
            Journal.open(path, SETTINGS)
    with Journal.open(link, SETTINGS, restart=True) as journal:
        assert journal.kept_aside == path.with_name("results.jsonl.1")
    assert link.is_symlink()
    dangling = path.with_name("dangling.jsonl")
    dangling.symlink_to("target.jsonl")
    _fill(dangling)
    assert path.with_name("target.jsonl").stat().st_size > 0


_OTHERS = {
    "jsonl of another program": b'{"id":1,"text":"a"}\n{"id":2,"text":"b"}\n',
    "results without a first line": b'{"key":"a.png","ok":true,"retryable":false,"error":null,"text":"a"}\n',
    "JSON": b'{"journal": {"entries": []}}\n',
    "text": b"one\ntwo\n",
    "a PNG": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "zeros": bytes(5_000),
    "a line end": b"\n",
    "one byte": b"{",
    "a long line": b"x" * 3_000_000,
    "a journal without settings": b'{"journal":{"format":1,"settings":7}}\n',
}


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("content", _OTHERS.values(), ids=_OTHERS.keys())
def test_what_is_not_a_journal_is_left_alone(path: Path, content: bytes, restart: bool) -> None:  # noqa: FBT001
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"name another file, or move it away"):
        Journal.open(path, SETTINGS, restart=restart)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_a_journal_of_a_later_format_is_left_alone_until_a_restart(path: Path) -> None:
    content = b'{"journal":{"format":2,"program":"vision-grpc 9.0","settings":{}}}\n{"new":1}\n'
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"format 2 of vision-grpc 9\.0, this program has format 1") as caught:
        Journal.open(path, SETTINGS)
    assert "restart" in str(caught.value)
    assert path.read_bytes() == content
    with Journal.open(path, SETTINGS, restart=True) as journal:
        assert journal.kept_aside is not None
        assert journal.kept_aside.read_bytes() == content


def test_a_later_format_is_known_in_any_spelling(path: Path) -> None:
    path.write_text('{ "journal" : {"settings": {}, "format": 99 } }\n')
    with pytest.raises(JournalError, match="is a journal in format 99"):
        Journal.open(path, SETTINGS)


@pytest.mark.parametrize("content", [b"", b'{"journal":{"format":1,"prog'])
def test_a_run_that_was_killed_at_once_begins_again(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    _fill(path)
    assert path.read_bytes().startswith(b'{"journal":{"format":1,"program":"vision-grpc')
    assert len(path.read_bytes().splitlines()) == 4


def test_places_where_no_journal_can_be(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("x")
    for name, said in {
        ".": "is a folder; name a file in it",
        "no/such/results.jsonl": "its folder does not exist; make the folder",
        "file/results.jsonl": "its folder is a file",
        "pipe": "is not a regular file",
        "x" * 300: "its name is too long",
        "loop": "a link that leads to itself",
        "a\0b": "no file can have this name",
    }.items():
        with pytest.raises(JournalError, match=said):
            Journal.open(tmp_path / name, SETTINGS)
    with pytest.raises(JournalError, match="is not a regular file"):
        Journal.open("/dev/null", SETTINGS)
    with pytest.raises(JournalError):
        Journal.open("/proc/results.jsonl", SETTINGS)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "loop", "pipe"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_files_and_folders_that_may_not_be_written(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    _fill(path)
    path.chmod(0o444)
    with pytest.raises(JournalError, match="may not be written; check the permissions"):
        Journal.open(path, SETTINGS)
    path.chmod(0o644)
    tmp_path.chmod(0o555)
    try:
        with Journal.open(path, SETTINGS) as journal:
            assert journal.was_resumed
        with pytest.raises(JournalError, match="may not be written; check the permissions"):
            Journal.open(tmp_path / "new.jsonl", SETTINGS)
    finally:
        tmp_path.chmod(0o755)


def test_a_second_process_is_refused_by_the_number_of_the_first(path: Path) -> None:
    program = (
        "import sys; from vision_grpc.bulk.journal import Journal\n"
        "with Journal.open(sys.argv[1], {}): print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        for restart in (False, True):
            with pytest.raises(JournalError, match=f"process {holder.pid} is writing this journal; wait until"):
                Journal.open(path, {}, restart=restart)
    with Journal.open(path, {}):
        pass
    assert list(path.parent.iterdir()) == [path]


def test_a_file_system_without_locks_is_said(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    _fill(path)
    assert "cannot be locked here (No locks available): let no second process write it" in caplog.text


def test_nothing_is_logged_about_a_sound_journal(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    _fill(path)
    _fill(path)
    assert caplog.text == ""


def test_a_journal_is_named_as_its_user_names_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    with Journal.open("results.jsonl", SETTINGS) as journal:
        journal.write(read("a.png", "one"))
    with pytest.raises(OtherSettingsError, match=r"^results\.jsonl: was begun with other settings"):
        Journal.open("results.jsonl", {})
    (path.parent / "sub").mkdir()
    with pytest.raises(JournalError, match=r"^no/r\.jsonl: its folder does not exist"):
        Journal.open("sub/../no/r.jsonl", {})


def test_a_program_may_go_to_another_folder_while_it_writes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    with Journal.open("results.jsonl", SETTINGS) as journal:
        monkeypatch.chdir("/")
        journal.write(read("a.png", "one"))
        journal.finish({})
