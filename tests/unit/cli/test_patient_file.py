"""A full pipe that somebody made non-blocking."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from vision_grpc.cli import output, stdout
from vision_grpc.cli.output import open_output
from vision_grpc.cli.patient_file import PatientFile
from vision_grpc.cli.stdout import open_stdout

_DATA = bytes(1_000_000)
_PAUSE_S = 0.5


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def write_as_it_is(writing: int) -> None:
    rest = memoryview(_DATA)
    with PatientFile(writing, "w", closefd=False) as file:
        while rest:
            rest = rest[file.write(rest) :]


def write_results(writing: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "_STDOUT", writing)
        with open_output(None) as file:
            file.write(_DATA)


def print_text(writing: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stdout, "_STDOUT", writing)
        patch.setattr(sys, "stdout", sys.__stdout__)
        open_stdout()
        sys.stdout.write(_DATA.decode())
        sys.stdout.flush()


@pytest.mark.parametrize("write", [write_as_it_is, write_results, print_text])
def test_its_writer_waits_without_work(write: Callable[[int], None], pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    came = bytearray()

    def read_late() -> None:
        time.sleep(_PAUSE_S)  # What is measured is what the writer does meanwhile.
        while len(came) < len(_DATA):
            came.extend(os.read(reading, len(_DATA)))

    reader = threading.Thread(target=read_late)
    reader.start()
    before_s = time.thread_time()
    write(writing)
    busy_s = time.thread_time() - before_s
    reader.join()
    assert came == _DATA
    assert busy_s < _PAUSE_S / 2


def test_a_reader_that_leaves_meanwhile_is_an_error() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with PatientFile(writing, "w") as file:
        file.write(_DATA)  # As much as goes in.
        leaving = threading.Timer(0.1, os.close, [reading])
        leaving.start()
        with pytest.raises(BrokenPipeError):
            file.write(_DATA)
