"""Runs whose results have no space, or run out of it: nothing more is paid for, and what was is said."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from command_line import PROGRAM, PROGRAM_ON_A_FULL_DISK, Finished, lines_of, options_to, program_with_little_space, run
from images_in_bytes import write_images
from scripted_service import Service, answer, serve_grpc

_COUNT = 200
_LITTLE_SPACE = program_with_little_space(200_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_images(tmp_path / "scans", _COUNT)
    return tmp_path


def analyze(service: Service, folder: Path, *options: object, program: Sequence[str] = PROGRAM) -> Finished:
    return run("analyze", *options_to(service.address), *options, "scans", cwd=folder, program=program)


@pytest.mark.parametrize("options", [["-o", "out.jsonl"], ["-o", "out.jsonl", "--budget", "50"], ["-o", "out.txt"]])
def test_nothing_is_sent_without_space(options: list[str], folder: Path) -> None:
    with serve_grpc(answer) as service:
        for _ in range(2):
            finished = analyze(service, folder, *options, program=_LITTLE_SPACE)
            assert finished.code == 2
            assert finished.complaints[-1].startswith(f"error: {options[1]}: ")
            assert "billed 0 units" in finished.stderr
            assert "more" not in finished.stderr
    assert service.requests == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("form", ["text", "jsonl"])
def test_nothing_is_sent_for_a_device_that_takes_nothing(form: str, folder: Path) -> None:
    with serve_grpc(answer) as service:
        finished = analyze(service, folder, "--format", form, "-o", "/dev/full")
    assert (finished.code, service.requests) == (2, [])
    assert finished.complaints[-1].startswith("error: /dev/full: cannot be written (No space left on device)")


@pytest.mark.parametrize("options", [[], ["--budget", "150"]])
def test_answers_that_could_not_be_written_are_said_to_be_billed(options: list[str], folder: Path) -> None:
    with serve_grpc(answer) as service:
        finished = analyze(service, folder, "-o", "out.jsonl", *options, program=PROGRAM_ON_A_FULL_DISK)
    assert finished.code == 2
    costs = next(line for line in finished.complaints if line.startswith("billed "))
    billed = re.match(r"billed ([0-9]+) unit", costs)
    unwritten = re.search(r", and up to ([0-9]+) more for answers that could not be written", costs)
    cut = re.search(r", and up to ([0-9]+) more for lost answers", costs)
    assert billed is not None, costs
    assert unwritten is not None, costs
    assert int(billed[1]) == len(lines_of(folder / "out.jsonl"))
    assert int(unwritten[1]) > 0
    assert int(billed[1]) + int(unwritten[1]) + (0 if cut is None else int(cut[1])) >= service.images_sent
