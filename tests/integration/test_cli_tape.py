"""`vision-grpc tape`, run in this process; and interrupted, in one of its own."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from command_line import finish, read_line, start
from commands_here import Run, runner
from taped import digest_of, entry_of, grow_older, recording, texts

from vision_grpc.cli.tape_progress import TapeProgress
from vision_grpc.tape import Tape

_DAY_S = 86_400


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    return runner(monkeypatch, capfdbinary)


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    """A tape with five entries: one of now, one of yesterday, and so on."""
    made = Tape(tmp_path / "tape")
    for number in range(5):
        made.record(digest_of(number), recording(model="page" if number else "line"))
        grow_older(made, number, number * _DAY_S)
    return made


def test_stats_count(tape: Tape, run: Run) -> None:
    size = entry_of(tape, 1).stat().st_size
    entry_of(tape, 4).write_bytes(b"no entry")
    finished = run("tape", "stats", "tape")
    assert (finished.code, finished.stderr) == (0, "")
    first, written, *others = finished.text.splitlines()
    assert first.startswith("tape: 5 entries, ")
    assert written.startswith("written from 20")
    assert others == [
        f"  vision/v1, model page: 3 entries, {3 * size / 1000:.1f} KB",
        f"  vision/v1, model line: 1 entry, {size} bytes",
        "damaged: 1 entry, 8 bytes; vision-grpc tape verify names them",
    ]


def test_stats_are_json_for_programs(tape: Tape, run: Run) -> None:
    size = entry_of(tape, 1).stat().st_size
    (entry_of(tape, 1).parent / ".00000000deadbeef.tmp").touch()
    (entry_of(tape, 1).parent / "x").touch()
    finished = run("tape", "stats", "tape", "--json")
    stats = json.loads(finished.text)
    assert stats["newest_at"] > stats["oldest_at"]
    assert (
        stats.items()
        >= {
            "tape": "tape",
            "entries": 5,
            "bytes": 5 * size,
            "by_model": [
                {"api": "vision/v1", "model": "page", "entries": 4, "bytes": 4 * size},
                {"api": "vision/v1", "model": "line", "entries": 1, "bytes": size},
            ],
            "damaged": 0,
            "newer": 0,
            "leftovers": 1,
            "others": 1,
        }.items()
    )


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ([], 5),
        (["--most-age", "2.5d"], 3),
        (["--most-age", "36h"], 2),
        (["--most-bytes", "1kb"], 2),
        (["--most-bytes", "10GB", "--most-age", "8w"], 5),
        (["--most-bytes", "0"], 0),
    ],
)
def test_pruning_keeps_what_was_written_last(options: list[str], kept: int, tape: Tape, run: Run) -> None:
    would = run("tape", "prune", "tape", "--dry-run", *options)
    assert [*map(bool, texts(tape, range(5)))] == [True] * 5
    done = run("tape", "prune", "tape", *options)
    assert (would.code, done.code) == (0, 0)
    assert [*map(bool, texts(tape, range(5)))] == [True] * kept + [False] * (5 - kept)
    assert done.text.startswith(f"removed {5 - kept} entr")
    assert would.text.startswith(f"would remove {5 - kept} entr")
    assert json.loads(run("tape", "prune", "tape", "--json").text)["kept_entries"] == kept


def test_halves_are_swept_and_counted(tape: Tape, run: Run) -> None:
    half = entry_of(tape).parent / ".00000000deadbeef.tmp"
    half.touch()
    os.utime(half, (0, 0))
    assert run("tape", "prune", "tape").text.startswith(
        "removed 0 entries (0 bytes) and 1 half of an entry; 5 entries ("
    )
    assert not half.exists()


def test_verification_names_what_is_damaged(tape: Tape, run: Run) -> None:
    path = entry_of(tape, 3)
    whole = run("tape", "verify", "tape")
    assert (whole.code, whole.text) == (0, "")
    os.truncate(path, 50)
    damaged = run("tape", "verify", "tape")
    assert (damaged.code, damaged.text) == (1, f"{path}: it does not begin as an entry does\n")
    hint, sums = damaged.complaints
    assert hint.endswith("--remove removes them")
    assert sums.endswith(", 1 damaged")
    told = run("tape", "verify", "tape", "--json")
    assert (told.code, told.objects) == (
        1,
        [{"path": str(path), "reason": "it does not begin as an entry does", "is_entry": True, "is_newer": False}],
    )
    removed = run("tape", "verify", "tape", "--remove")
    assert (removed.code, path.exists()) == (0, False)
    assert removed.complaints[-1].endswith(", 1 damaged (1 removed)")
    assert run("tape", "verify", "tape").code == 0


@pytest.mark.parametrize("command", ["stats", "prune", "verify"])
@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("nothing", "error: there is no tape at {}"),
        ("scans", "error: there is no tape at {}"),
        ("scans/a.png", "error: the tape {}: it is a file, or in a file; name a folder"),
        ("s3://key:S3cret@bucket/tape", "error: the URL of a tape (s3://...) has a password"),
        ("https://example.net/tape", "error: there is no tape at https://example.net/tape: name a path, or a store"),
        ("", "error: the place of a tape is ''"),
    ],
)
def test_what_is_no_tape_is_left_alone(command: str, place: str, expected: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a.png").touch()
    finished = run("tape", command, place)
    assert (finished.code, finished.text) == (2, "")
    [line] = finished.complaints
    assert line.startswith(expected.format(tmp_path / place))
    assert "S3cret" not in line
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.png", "scans"]


@pytest.mark.usefixtures("uncounted_programs")
def test_ctrl_c_leaves_all_other_entries_whole(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "tape")
    for number in range(300):
        tape.record(digest_of(number), recording())
    code = """
import pathlib, time
from vision_grpc.cli import main
unlink = pathlib.Path.unlink
def slowly(path):
    unlink(path)
    print("removed", flush=True)
    time.sleep(0.1)
pathlib.Path.unlink = slowly
main()
"""
    process = start("tape", "prune", tape.location, "--most-bytes", "0", program=("-c", code))
    assert read_line(process) == b"removed\n"
    process.send_signal(signal.SIGINT)
    finished = finish(process)
    assert (finished.code, finished.complaints[-1]) == (130, "interrupted")
    verified = tape.verify()
    assert 0 < verified.entries < 300
    assert verified.damaged == 0


def test_progress_is_shown_of_long_work_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    show = TapeProgress()
    for seconds in range(25):
        now[0] = 100.0 + seconds
        show(seconds * 1_000)
    assert capsys.readouterr().err.splitlines() == [
        "progress: 3,000 entries, 1,000 a second, 3.0 s",
        "progress: 13,000 entries, 1,000 a second, 13 s",
        "progress: 23,000 entries, 1,000 a second, 23 s",
    ]
