"""The file of a journal while it is written: moved, deleted, and on a disk that fails."""

from pathlib import Path
from threading import Event

import pytest
from journaled import SETTINGS, read

from vision_grpc.bulk.journal import Journal, JournalError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


def test_a_journal_that_is_moved_away_is_noticed(path: Path) -> None:
    journal = Journal.open(path, SETTINGS)
    journal.write(read("a.png", "one"))
    moved = path.rename(path.with_name("moved.jsonl"))
    with pytest.raises(JournalError, match=f"was moved while it was written, to {moved}"):
        journal.finish({})
    with pytest.raises(JournalError, match="was moved"):
        journal.write(read("b.png", "two"))
    journal.close()
    assert b"a.png" in moved.read_bytes()


def test_a_journal_that_is_deleted_is_saved(path: Path) -> None:
    journal = Journal.open(path, SETTINGS)
    journal.write(read("a.png", "one"))
    path.unlink()
    with pytest.raises(JournalError, match=f"was deleted while it was written, and was saved as {path}"):
        journal.close()
    with Journal.open(path, SETTINGS) as journal:
        assert "a.png" in journal.done


def test_a_journal_that_is_replaced_is_saved_beside_the_other_file(path: Path) -> None:
    journal = Journal.open(path, SETTINGS)
    journal.write(read("a.png", "one"))
    path.unlink()
    path.write_text("of somebody else")
    with pytest.raises(JournalError, match=r"saved as .*results\.jsonl\.1"):
        journal.close()
    assert path.read_text() == "of somebody else"
    with Journal.open(path.with_name("results.jsonl.1"), SETTINGS) as saved:
        assert "a.png" in saved.done


def test_an_error_of_the_run_is_not_hidden_by_that_of_the_journal(path: Path) -> None:
    journal = Journal.open(path, SETTINGS)
    journal.write(read("a.png", "one"))
    path.unlink()
    with pytest.raises(KeyError) as caught, journal:
        raise KeyError
    [note] = caught.value.__notes__
    assert "was deleted" in note


def test_what_the_disk_says_between_two_calls_is_raised_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Event()

    def fail(_: int) -> None:
        asked.set()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vision_grpc.bulk.journal.file._sync_data", fail)
    monkeypatch.setattr("vision_grpc.bulk.journal.file.SYNC_EVERY_S", 0.01)
    journal = Journal.open(path, SETTINGS)
    journal.write(read("a.png", "one"))
    assert asked.wait(20)
    with pytest.raises(JournalError, match="the disk is full; free some space"):
        journal.close()
    journal.close()


def test_what_the_disk_says_later_is_raised(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    journal = Journal.open(path, SETTINGS)
    monkeypatch.setattr("vision_grpc.bulk.journal.file._sync_data", fail)
    journal.write(read("a.png", "one"))
    with pytest.raises(JournalError, match="a disk or device of this machine failed"):
        journal.close()


def test_a_journal_is_synced_while_it_is_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = Event()
    monkeypatch.setattr("vision_grpc.bulk.journal.file._sync_data", lambda _: synced.set())
    monkeypatch.setattr("vision_grpc.bulk.journal.file.SYNC_EVERY_S", 0.01)
    with Journal.open(path, SETTINGS) as journal:
        assert not synced.is_set()
        journal.write(read("a.png", "one"))
        assert synced.wait(20)
