"""The program whose stdout or stderr cannot be written to."""

import json
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from command_line import PROGRAM, Finished, finish, lines_of, read_line, run, start
from images_in_bytes import png
from scripted_service import answer, serve_grpc

_FULL = Path("/dev/full")
pytestmark = pytest.mark.skipif(not _FULL.exists(), reason="/dev/full is Linux's")


@pytest.fixture
def full() -> Iterator[int]:
    descriptor = os.open(_FULL, os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def unread() -> Iterator[int]:
    """The end of a pipe whose reader has left."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize("stderr", ["full", "unread"])
@pytest.mark.parametrize("options", [(), ("--verbose",), ("--progress",)])
def test_a_run_whose_stderr_is_lost_goes_on(
    stderr: str, options: tuple[str, ...], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(png(number))
    (tmp_path / "1.png").write_text("no image")
    with serve_grpc(answer) as service:
        there = ("--endpoint", service.address, "--insecure", "--format", "jsonl", *options)
        process = start("analyze", *there, ".", cwd=tmp_path, stderr=request.getfixturevalue(stderr))
        finished = finish(process)
    assert finished.code == 1
    assert {told["key"]: told["ok"] for told in finished.objects} == {"0.png": True, "1.png": False, "2.png": True}


@pytest.mark.parametrize("stderr", ["full", "unread"])
def test_a_service_whose_stderr_is_lost_serves(stderr: str, request: pytest.FixtureRequest) -> None:
    process = start("serve", stderr=request.getfixturevalue(stderr))
    assert json.loads(read_line(process))
    process.send_signal(signal.SIGTERM)
    assert finish(process).code == 0


_PRINTING = pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["doctor", "--json"], ["serve"]], ids=str)


@_PRINTING
def test_a_full_stdout_is_one_line(arguments: list[str], full: int) -> None:
    finished = finish(start(*arguments, stdout=full))
    assert finished.code == 2
    assert finished.complaints[-1] == "error: stdout: cannot be written (No space left on device)"
    assert "Traceback" not in finished.stderr


@_PRINTING
def test_a_reader_that_leaves_is_told_by_the_exit_code(arguments: list[str], unread: int) -> None:
    finished = finish(start(*arguments, stdout=unread))
    assert finished.code == 141
    assert not any("rror" in complaint for complaint in finished.complaints)


def run_closed(*closed: int, arguments: Sequence[object]) -> Finished:
    """Run the command with some of its standard descriptors closed."""
    program = f"""
import os, sys
for descriptor in {closed}:
    os.close(descriptor)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
    return run(*PROGRAM, *arguments, program=("-c", program))


@_PRINTING
def test_a_closed_stdout_is_one_line(arguments: list[str]) -> None:
    finished = run_closed(1, arguments=arguments)
    assert finished.code == 2
    assert finished.complaints[-1] == "error: stdout: cannot be written (Bad file descriptor)"
    assert "Traceback" not in finished.stderr


@_PRINTING
def test_a_closed_stdout_is_no_less_a_fault_where_nobody_is_told(arguments: list[str]) -> None:
    assert run_closed(1, 2, arguments=arguments) == (2, b"", "")
    assert run_closed(0, 1, 2, arguments=arguments) == (2, b"", "")


def test_no_text_is_lost_in_a_closed_stdout(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(png(1))
    with serve_grpc(answer) as service:
        arguments = ["analyze", "--endpoint", service.address, "--insecure", tmp_path]
        for closed in ([1], [1, 2], [0, 1, 2]):
            assert run_closed(*closed, arguments=arguments).code == 2
        assert service.requests == []
        assert run_closed(2, arguments=arguments).code == 0
        output = tmp_path / "out"
        assert run_closed(0, 1, 2, arguments=[*arguments, "--format", "jsonl", "-o", output]).code == 0
        (told,) = lines_of(output)
        assert told["ok"]
