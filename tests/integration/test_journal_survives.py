"""Journals whose process is killed, and whose disk is full."""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from journaled import SETTINGS

from vision_grpc.bulk.journal import Journal, read_journal

_TESTS = Path(__file__).parents[1]
_PROGRAMS = _TESTS / "programs"
_KILLS = 5


def _environment() -> dict[str, str]:
    paths = [str(_TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def test_what_was_acknowledged_outlives_sigkill(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    acknowledged = set[str]()
    dice = random.Random(13)  # noqa: S311 - moments
    for _ in range(_KILLS):
        with subprocess.Popen(
            [sys.executable, _PROGRAMS / "endless_journal.py", path], stdout=subprocess.PIPE, env=_environment()
        ) as writer:
            assert writer.stdout is not None
            for _ in range(dice.randrange(1, 400)):
                acknowledged.add(writer.stdout.readline().decode().strip())
            writer.kill()
            rest = writer.stdout.read()
        acknowledged |= {line.decode() for line in rest.splitlines(keepends=True)[:-1] for line in [line.strip()]}
        with Journal.open(path, SETTINGS) as journal:
            recorded = len(journal.done)
        lines = list(read_journal(path))
        assert {line.key for line in lines} >= acknowledged
        assert len({line.key for line in lines}) == len(lines) == recorded
        assert all(line.image_result().text == line.text for line in lines[-20:])
    assert path.read_bytes().endswith(b"}\n")


def _run(command: list[str | Path]) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=_environment(), check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_full_disk_ends_a_run_cleanly_and_it_goes_on_when_there_is_room(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size=400k tmpfs {tmp_path}"
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "sh", "-c", mount], check=False).returncode:
        pytest.skip("no disk can be mounted here")
    program = f"{sys.executable} {_PROGRAMS / 'full_disk.py'}"
    lines = _run([unshare, "-rm", "sh", "-c", f"{mount} && exec {program} {tmp_path}"])
    full = "cannot be written: the disk is full; free some space"
    assert lines == [
        f"{tmp_path}/results.jsonl: {full}",
        f"again: {tmp_path}/results.jsonl: {full}",
        "whole: True all: True",
        lines[3],
        f"{tmp_path}/new.jsonl: {full}",
        "new: False",
        "resumed: True",
        "lines: True",
    ]
    assert lines[3].startswith(f"{tmp_path}/texts")
    assert lines[3].endswith(full)


def test_a_limit_of_files_ends_a_run_cleanly(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    done = subprocess.run(
        [sys.executable, _PROGRAMS / "endless_journal.py", path, "100000"],
        capture_output=True,
        text=True,
        env=_environment(),
        check=False,
    )
    assert "results.jsonl: cannot be written: the file may not become any larger; raise the limit" in done.stderr
    assert path.read_bytes().endswith(b"}\n")
    acknowledged = done.stdout.splitlines()
    assert [line.key for line in read_journal(path)] == acknowledged
    with Journal.open(path, SETTINGS) as journal:
        assert len(journal.done) == len(acknowledged) > 0
