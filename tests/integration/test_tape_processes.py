"""Tapes that several processes write to, whose processes are killed, and whose disk is full."""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from taped import texts

from vision_grpc.tape import Tape

_TESTS = Path(__file__).parents[1]
_PROGRAM = [sys.executable, _TESTS / "programs" / "taping.py"]
_COUNT = 50
_KILLS = 3


def _environment() -> dict[str, str]:
    paths = [str(_TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def _start(*arguments: object) -> "subprocess.Popen[str]":
    command = [*map(str, _PROGRAM), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment())


def test_processes_share_a_tape_that_none_has_made(tmp_path: Path) -> None:
    """Each of them writes the same entries at the same time, and begins with making the tape."""
    place = tmp_path / "new" / "tape"
    writers = [_start(place, 0, _COUNT) for _ in range(3)]
    reader = Tape(place)
    last = [*range(_COUNT)]
    while any(writer.poll() is None for writer in writers):
        # No half of an entry is ever seen.
        assert all(
            text is None or text.startswith(f"{number} ")
            for number, text in zip(last, texts(reader, last), strict=True)
        )
        if all(texts(reader, last)):
            break
    for writer in writers:
        output, _ = writer.communicate(timeout=60)
        assert (writer.returncode, output.split()) == (0, [*map(str, last)])
    assert all(texts(reader, last))
    assert reader.verify().damaged == reader.stats().leftovers.entries == 0


def test_what_was_recorded_outlives_sigkill(tmp_path: Path) -> None:
    dice = random.Random(18)  # noqa: S311 - moments
    recorded = set[int]()
    for _ in range(_KILLS):
        with _start(tmp_path / "tape", len(recorded), 0) as writer:
            assert writer.stdout is not None
            for _ in range(dice.randrange(1, 40)):
                recorded.add(int(writer.stdout.readline()))
            writer.kill()
            recorded |= {int(line) for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")}
    tape = Tape(tmp_path / "tape")
    numbers = sorted(recorded)
    assert all(texts(tape, numbers))
    verified = tape.verify()
    assert verified.damaged == 0
    assert len(numbers) <= verified.entries <= len(numbers) + _KILLS
    for half in (tmp_path / "tape").rglob("*.tmp"):
        os.utime(half, (0, 0))
    left = tape.stats().leftovers.entries
    assert tape.prune().removed_leftovers == left
    assert tape.stats().leftovers.entries == 0


def test_a_limit_holds_over_several_processes(tmp_path: Path) -> None:
    most_bytes = 40_000
    writers = [_start(tmp_path / "tape", first, first + 100, most_bytes) for first in (0, 100)]
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    tape = Tape(tmp_path / "tape")
    # Each process may be a sixteenth beyond it, and end while it prunes.
    assert tape.stats().all.total_bytes < 1.5 * most_bytes
    assert tape.verify().damaged == 0


def test_a_full_disk_is_one_error_and_leaves_whole_entries(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size=400k tmpfs {tmp_path}"
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "sh", "-c", mount], check=False).returncode:
        pytest.skip("no disk can be mounted here")
    program = " ".join(map(str, _PROGRAM))
    tape = f"{tmp_path}/tape"
    check = f"{sys.executable} -c 'from vision_grpc.tape import Tape; print(Tape(\"{tape}\").verify())'"
    halves = f"find {tmp_path} -name *.tmp"
    script = f"{mount} && {program} {tape} 0 0 && {check} && {halves}"
    done = subprocess.run(
        [unshare, "-rm", "sh", "-c", script], capture_output=True, text=True, env=_environment(), check=True
    )
    *numbers, error, verified = done.stdout.splitlines()
    assert numbers == [*map(str, range(len(numbers)))] != []
    assert error == f"the tape {tape}: the disk is full; free some space"
    assert verified.startswith(f"Verified(entries={len(numbers)}, ")
    assert "damaged=0" in verified
