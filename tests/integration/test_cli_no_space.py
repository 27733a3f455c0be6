"""Runs whose results have no space, or run out of it: nothing more is paid for, and what was is said."""

import re
from pathlib import Path

import pytest
from command_line import PROGRAM_ON_A_FULL_DISK, Finished, lines_of, run
from images_in_bytes import png
from scripted_service import Service, answer, serve_grpc

_COUNT = 200
_LITTLE_SPACE = (
    "-c",
    """
import resource
from vision_grpc.cli import main
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, unlimited[1]))
try:
    main()
finally:  # What measures the coverage of this program writes a larger file at its end.
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
""",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scans").mkdir()
    for number in range(_COUNT):
        (tmp_path / "scans" / f"{number:03}.png").write_bytes(png(number))
    return tmp_path


def analyze(service: Service, folder: Path, *options: object, program: tuple[str, str]) -> Finished:
    there = ["--endpoint", service.address, "--insecure"]
    return run("analyze", *there, *options, "scans", cwd=folder, program=program)


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
        finished = run(
            *("analyze", "--endpoint", service.address, "--insecure"),
            *("--format", form, "-o", "/dev/full", "scans"),
            cwd=folder,
        )
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
    sent = sum(len(request.analyze_specs) for request in service.requests)
    assert int(billed[1]) + int(unwritten[1]) + (0 if cut is None else int(cut[1])) >= sent
