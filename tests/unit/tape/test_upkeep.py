"""Tapes are counted, pruned and verified."""

import errno
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taped import digest_of, entry_of, grow_older, place, recording, texts

from vision_grpc.sources.places.store_client import Bucket
from vision_grpc.tape import Tape, TapeError
from vision_grpc.tape.ages import Ages
from vision_grpc.tape.census import Kind, Sum
from vision_grpc.tape.entry import pack
from vision_grpc.tape.store import MARKER, File, in_groups
from vision_grpc.tape.upkeep import Upkeep
from vision_grpc.tape.verify import Finding

__all__ = ["place"]

SIZE = len(pack(digest_of(0), recording("0")))


def tape_of(place: str | Path, count: int) -> Tape:
    """Return a tape with so many entries."""
    tape = Tape(place)
    for number in range(count):
        tape.record(digest_of(number), recording(str(number)))
    return tape


@pytest.fixture
def old_tape(tmp_path: Path) -> Tape:
    """A tape in a folder: entry 0 was written just now, 1 a day ago, and so on."""
    tape = tape_of(tmp_path / "tape", 10)
    for number in range(10):
        grow_older(tape, number, number * 86_400)
    return tape


def left(tape: Tape, count: int = 10) -> list[int]:
    """Return the numbers of the entries that are there."""
    return [number for number, text in enumerate(texts(tape, range(count))) if text is not None]


# Statistics


def test_a_tape_is_counted(place: str) -> None:
    tape = tape_of(place, 3)
    tape.record(digest_of(3), recording(api="ocr/v1", model="table"))
    begun = time.time()
    stats = tape.stats()
    assert stats.all.entries == 4
    assert {kind: each.entries for kind, each in stats.by_kind.items()} == {
        Kind("vision/v1", "page"): 3,
        Kind("ocr/v1", "table"): 1,
    }
    assert [*stats.by_kind] == [("vision/v1", "page"), ("ocr/v1", "table")]
    assert sum(each.total_bytes for each in stats.by_kind.values()) == stats.all.total_bytes > 3 * SIZE
    assert stats.oldest_at is not None
    assert stats.newest_at is not None
    assert begun - 60 < stats.oldest_at <= stats.newest_at < begun + 60


def test_what_is_no_entry_is_counted_apart(old_tape: Tape) -> None:
    folder = Path(old_tape.location)
    entry_of(old_tape, 0).write_bytes(b"a picture")
    newer = entry_of(old_tape, 1)
    newer.write_bytes(newer.read_bytes().replace(b"entry 1\n", b"entry 2\n"))
    os.truncate(entry_of(old_tape, 2), 100)
    (folder / "ab").mkdir(exist_ok=True)
    (folder / "ab" / ".00000000deadbeef.tmp").write_bytes(b"12345")
    (folder / "ab" / digest_of(0)).write_bytes(b"123")
    (folder / "README").touch()
    stats = old_tape.stats()
    assert (stats.all.entries, stats.damaged.entries, stats.newer.entries) == (10, 2, 1)
    assert (stats.leftovers, stats.others) == (Sum(1, 5), Sum(2, 3))
    assert stats.by_kind[Kind("vision/v1", "page")].entries == 7
    assert stats.oldest_at is not None
    assert time.time() - stats.oldest_at > 8 * 86_400


def test_a_header_that_is_longer_than_what_is_read_first(place: str) -> None:
    tape = Tape(place)
    pages = [b"\x12\x00"] * 5_000
    tape.record(digest_of(0), recording()._replace(messages=pages, has_pages=True, api="ocr/v1"))
    assert tape.stats().by_kind[Kind("ocr/v1", "page")].entries == 1


def test_an_empty_tape_is_one(old_tape: Tape) -> None:
    old_tape.prune(most_bytes=1)
    assert old_tape.stats().all == Sum()
    assert old_tape.stats().oldest_at is None


def test_large_entries_are_not_read_together() -> None:
    sizes = [1 << 10] * 70 + [9 << 20] * 3 + [1 << 30, 1 << 10]
    groups = [*in_groups(File(str(number), size, 0.0) for number, size in enumerate(sizes))]
    assert [len(group) for group in groups] == [64, 7, 1, 1, 1, 1]
    assert [file.size for group in groups for file in group] == sizes


# Pruning


@pytest.mark.parametrize(("most_bytes", "expected"), [(10 * SIZE, 10), (10 * SIZE - 1, 9), (3 * SIZE, 3), (1, 0)])
def test_what_was_written_first_goes_first(most_bytes: int, expected: int, old_tape: Tape) -> None:
    pruned = old_tape.prune(most_bytes=most_bytes)
    assert left(old_tape) == [*range(expected)]
    assert (pruned.removed_entries, pruned.kept_entries) == (10 - expected, expected)
    assert (pruned.removed_bytes, pruned.kept_bytes) == ((10 - expected) * SIZE, expected * SIZE)


def test_what_is_too_old_goes(old_tape: Tape) -> None:
    assert old_tape.prune(most_age_s=3.5 * 86_400).removed_entries == 6
    assert left(old_tape) == [0, 1, 2, 3]
    assert old_tape.prune(most_age_s=3.5 * 86_400).removed_entries == 0


def test_both_limits_hold(old_tape: Tape) -> None:
    assert old_tape.prune(most_age_s=5.5 * 86_400, most_bytes=2 * SIZE).removed_entries == 8
    assert left(old_tape) == [0, 1]


def test_the_limits_are_those_of_the_tape(old_tape: Tape) -> None:
    assert old_tape.prune().removed_entries == 0
    assert Tape(old_tape.location, most_age_s=3.5 * 86_400).prune().removed_entries == 6
    assert Tape(old_tape.location, most_bytes=2 * SIZE).prune().removed_entries == 2


def test_a_dry_run_removes_nothing(old_tape: Tape) -> None:
    would = old_tape.prune(most_bytes=2 * SIZE, most_age_s=5.5 * 86_400, dry_run=True)
    assert left(old_tape) == [*range(10)]
    assert would == old_tape.prune(most_bytes=2 * SIZE, most_age_s=5.5 * 86_400)


def test_a_store_is_pruned(place: str) -> None:
    tape = tape_of(place, 50)
    assert tape.prune(most_bytes=20 * SIZE + 20).kept_entries <= 20
    assert len(left(tape, 50)) == tape.stats().all.entries <= 20


def test_halves_of_killed_writers_are_swept_and_those_of_others_are_not(old_tape: Tape) -> None:
    folder = entry_of(old_tape).parent
    old, new = (f".{name * 16}.tmp" for name in "ab")
    for name, age_s in ((old, 700), (new, 100)):
        half = folder / name
        half.write_bytes(b"half")
        os.utime(half, (time.time() - age_s,) * 2)
    pruned = old_tape.prune()
    assert (pruned.removed_leftovers, pruned.removed_entries) == (1, 0)
    assert [path.name for path in folder.glob(".*")] == [new]


def test_files_of_somebody_else_stay(old_tape: Tape, tmp_path: Path) -> None:
    folder = Path(old_tape.location)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / f"fe{digest_of(1)[2:]}").write_bytes(b"precious")
    (folder / "fe").symlink_to(elsewhere)
    names = [folder / "notes.txt", folder / "zz" / "file"]
    names += [entry_of(old_tape).parent / name for name in ("file.jpg", "thesis.tmp", ".mine.tmp")]
    for name in names:
        name.parent.mkdir(exist_ok=True)
        name.write_text("mine")
        os.utime(name, (0, 0))
    old_tape.prune(most_bytes=1, most_age_s=1)
    old_tape.verify(remove=True)
    assert all(name.exists() for name in names)
    assert [path.read_bytes() for path in elsewhere.iterdir()] == [b"precious"]
    assert (folder / MARKER).exists()


def test_temporary_files_of_somebody_else_make_no_tape(place: str, tmp_path: Path) -> None:
    if place.startswith("memory"):
        bucket = Bucket("memory", "")
        name = place.removeprefix("memory:///") + "/data.tmp"
        bucket.write(name, b"precious")
    else:
        (tmp_path / "tape" / "ab").mkdir(parents=True)
        (tmp_path / "tape" / "ab" / "thesis.tmp").write_text("mine")
    for use in (lambda tape: tape.record(digest_of(0), recording()), Tape.prune):
        with pytest.raises(TapeError, match=r"has other files in it|there is no tape at"):
            use(Tape(place))


@given(st.lists(st.tuples(st.floats(-1e10, 1e12), st.integers(0, 1_000)), max_size=50), st.integers(1, 30_000))
def test_the_oldest_are_enough_and_no_more_than_needed(files: list[tuple[float, int]], excess: int) -> None:
    ages = Ages()
    for file in files:
        ages.add(*file)
    oldest = ages.oldest(excess)
    gone = [file for file in files if oldest.has(*file)]
    freed = sum(size for _, size in gone)
    assert freed >= min(excess, ages.total)
    assert not gone or freed - excess < 1_000


def test_memory_is_bounded_however_old_files_are() -> None:
    ages = Ages()
    for number in range(20_000):
        ages.add(number * 1_000.0, 1)
    assert len(ages._bytes) <= 4_096
    oldest = ages.oldest(5_000)
    assert [number for number in range(20_000) if oldest.has(number * 1_000.0, 1)] == [*range(5_000)]


# While recording


def test_a_tape_stays_within_its_limit_while_it_is_written_to(place: str) -> None:
    tape = Tape(place)
    upkeep = Upkeep(tape._store, 40 * SIZE, None, first=0)
    most = 0
    for number in range(200):
        tape.record(digest_of(number), recording(str(number)))
        upkeep.wrote(SIZE)
        if upkeep._thread is not None:
            upkeep._thread.join()
        most = max(most, tape.prune(dry_run=True).kept_entries) if number % 10 == 0 else most
    assert 30 <= most <= 42
    assert texts(tape, [199]) == ["199"]


def test_a_tape_with_an_age_is_pruned_now_and_then(old_tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    upkeep = Upkeep(old_tape._store, None, 3.5 * 86_400, first=0.5)
    upkeep.wrote(SIZE)
    assert upkeep._thread is None
    later = time.monotonic() + 86_400
    monkeypatch.setattr(time, "monotonic", lambda: later)
    upkeep.wrote(SIZE)
    assert upkeep._thread is not None
    upkeep._thread.join()
    assert left(old_tape) == [0, 1, 2, 3]


def test_whoever_writes_faster_than_is_pruned_waits(old_tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    may_end = threading.Event()

    def files() -> Iterator[File]:
        may_end.wait()
        order.append("pruned")
        yield from ()

    monkeypatch.setattr(old_tape._store, "files", files)
    upkeep = Upkeep(old_tape._store, 16_000, None, first=0)
    for _ in range(3):
        upkeep.wrote(1_000)

    def write() -> None:
        upkeep.wrote(1_000)
        order.append("wrote")

    writer = threading.Thread(target=write)
    writer.start()
    may_end.set()
    writer.join()
    assert order == ["pruned", "wrote"]


def test_a_tape_without_limits_is_not_listed(tmp_path: Path) -> None:
    tape = tape_of(tmp_path / "tape", 100)
    assert tape._upkeep._thread is None
    assert len(left(tape, 100)) == 100


def test_a_tape_that_cannot_be_pruned_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    upkeep = Upkeep(Tape(tmp_path / "none")._store, 1_000, None, first=0)
    upkeep.wrote(1_000)
    assert upkeep._thread is not None
    upkeep._thread.join()
    assert caplog.messages == [f"the tape was not pruned: there is no tape at {tmp_path / 'none'}"]


# Verification


def verified(tape: Tape, *, remove: bool = False) -> tuple[int, int, int, list[Finding]]:
    found: list[Finding] = []
    done = tape.verify(remove=remove, on_finding=found.append)
    return done.entries, done.damaged, done.removed, found


def test_a_whole_tape_is_whole(place: str) -> None:
    assert verified(tape_of(place, 100)) == (100, 0, 0, [])


def test_damaged_entries_are_named_and_removed_on_request(old_tape: Tape) -> None:
    entry_of(old_tape, 0).write_bytes(b"a picture")
    os.truncate(entry_of(old_tape, 2), 100)
    other = entry_of(old_tape, 3).with_name("scan.png")
    other.touch()
    newer = entry_of(old_tape, 4)
    newer.write_bytes(newer.read_bytes().replace(b"entry 1\n", b"entry 2\n"))
    for remove in (False, True):
        entries, damaged, removed, found = verified(old_tape, remove=remove)
        assert (entries, damaged, removed) == (10, 2, 2 if remove else 0)
        assert {(each.path, each.is_entry, each.is_newer) for each in found} == {
            (str(entry_of(old_tape, 0)), True, False),
            (str(entry_of(old_tape, 2)), True, False),
            (str(other), False, False),
            (str(newer), True, True),
        }
    assert verified(old_tape)[:2] == (8, 0)
    assert other.exists()
    assert newer.exists()


def test_what_disappears_meanwhile_is_no_damage(old_tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [*old_tape._store.files()]
    old_tape.prune(most_bytes=1)
    monkeypatch.setattr(old_tape._store, "files", lambda: iter(files))
    assert verified(old_tape) == (10, 0, 0, [])
    assert old_tape.stats().damaged == Sum()
    assert old_tape.prune(most_bytes=1).removed_entries == 10


def test_progress_is_told(old_tape: Tape) -> None:
    told: list[int] = []
    old_tape.stats(told.append)
    old_tape.verify(on_progress=told.append)
    assert told == [10, 10]


def test_a_disk_that_may_only_be_read_is_an_error(old_tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(TapeError, match="it is on a disk that may only be read; name another folder"):
        old_tape.prune(most_bytes=1)
