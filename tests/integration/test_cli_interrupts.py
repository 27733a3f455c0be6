"""Signals during `vision-grpc analyze`: the first one ends it gently, the second one at once, and nothing is lost."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import PROGRAM, finish, lines_of, read_line, start
from images_in_bytes import png
from scripted_service import Reply, Service, answer, serve_grpc

from vision_grpc.errors import Code, ServiceError
from vision_grpc.messages import BatchAnalyzeRequest

pytestmark = pytest.mark.usefixtures("uncounted_programs")

_SOON_S = 30.0
_NAMES = [f"scans/{number:02}.png" for number in range(20)]


class Holding:
    """Holds the second call, and all after it, until they are let go."""

    def __init__(self) -> None:
        self.holds = threading.Event()
        self.goes_on = threading.Event()
        self._seen = 0

    def __call__(self, request: BatchAnalyzeRequest) -> Reply:
        self._seen += 1
        if self._seen > 1:
            self.holds.set()
            self.goes_on.wait(_SOON_S)
        return answer(request)


@pytest.fixture
def script() -> Iterator[Holding]:
    script = Holding()
    yield script
    script.goes_on.set()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a folder of images."""
    (tmp_path / "scans").mkdir()
    for number, name in enumerate(_NAMES):
        (tmp_path / name).write_bytes(png(number))
    return tmp_path


def analyze(service: Service, folder: Path, *options: object, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    """Start a run with one call at a time."""
    there = ["--endpoint", service.address, "--insecure", "--no-progress", "--jobs", "1"]
    return start("analyze", *there, "scans", *options, cwd=folder, stdout=stdout)


def interrupt(process: subprocess.Popen[bytes], number: signal.Signals) -> str:
    """Send a signal, and return what is said at once."""
    process.send_signal(number)
    assert process.stderr is not None
    return process.stderr.readline().decode()


@pytest.mark.parametrize(
    ("number", "code", "again"),
    [(signal.SIGINT, 130, "Ctrl-C again"), (signal.SIGTERM, 143, "another signal"), (signal.SIGHUP, 129, "another")],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
def test_what_is_in_flight_is_finished_and_the_same_command_does_the_rest(
    script: Holding, folder: Path, number: signal.Signals, code: int, again: str
) -> None:
    with serve_grpc(script) as service:
        process = analyze(service, folder, "-o", "out.jsonl")
        assert script.holds.wait(_SOON_S)
        in_flight = len(service.requests[1].analyze_specs)
        told = interrupt(process, number)
        assert told.startswith(f"finishing {in_flight} images in flight; {again}")
        assert told.endswith("stops at once\n")
        script.goes_on.set()
        finished = finish(process)
        assert finished.code == code
        assert finished.complaints[0] == "interrupted"
        assert finished.complaints[-1].startswith("to go on: ")
        sent = service.images_sent
        assert [told["key"] for told in lines_of(folder / "out.jsonl")] == _NAMES[:sent]
        assert sent < len(_NAMES)
        assert finish(analyze(service, folder, "-o", "out.jsonl")).code == 0
        assert [told["key"] for told in lines_of(folder / "out.jsonl")] == _NAMES
        assert service.images_sent == len(_NAMES)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_a_second_signal_does_not_wait(script: Holding, folder: Path, number: signal.Signals, code: int) -> None:
    with serve_grpc(script) as service:
        process = analyze(service, folder, "-o", "out.jsonl")
        assert script.holds.wait(_SOON_S)
        interrupt(process, number)
        process.send_signal(number)
        finished = finish(process)
        assert finished.code == code
        answered = len(service.requests[0].analyze_specs)
        assert [told["key"] for told in lines_of(folder / "out.jsonl")] == _NAMES[:answered]
        script.goes_on.set()
        assert finish(analyze(service, folder, "-o", "out.jsonl")).code == 0
    assert sorted(told["key"] for told in lines_of(folder / "out.jsonl")) == _NAMES


@pytest.mark.parametrize("times", [1, 2])
def test_texts_that_are_not_all_there_do_not_look_as_if_they_were(script: Holding, folder: Path, times: int) -> None:
    with serve_grpc(script) as service:
        process = analyze(service, folder, "-o", "out.txt")
        assert script.holds.wait(_SOON_S)
        interrupt(process, signal.SIGINT)
        if times == 1:
            script.goes_on.set()
        else:
            process.send_signal(signal.SIGINT)
        finished = finish(process)
        answered = sum(len(request.analyze_specs) for request in service.requests[: 3 - times])
    assert finished.code == 130
    assert "the finished results are in out.txt.partial" in finished.complaints
    assert not any(line.startswith("results are in") for line in finished.complaints)
    assert not (folder / "out.txt").exists()
    assert (folder / "out.txt.partial").read_text().count("==>") == answered


def test_results_on_stdout_are_finished_too(script: Holding, folder: Path) -> None:
    with serve_grpc(script) as service:
        process = analyze(service, folder)
        assert script.holds.wait(_SOON_S)
        interrupt(process, signal.SIGINT)
        script.goes_on.set()
        finished = finish(process)
        answered = service.images_sent
    assert finished.code == 130
    assert finished.text.count("==>") == answered


def test_what_waits_for_another_attempt_is_left_to_the_next_run(folder: Path) -> None:
    refused = threading.Event()

    def refuse(_: BatchAnalyzeRequest) -> Reply:
        refused.set()
        return ServiceError(Code.UNAVAILABLE, "busy", retry_after_s=500)

    with serve_grpc(refuse) as service:
        process = analyze(service, folder, "-o", "out.jsonl", "--verbose")
        assert process.stderr is not None
        while b"are sent again in" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert finish(process).code == 130
    assert lines_of(folder / "out.jsonl") == []


def test_a_signal_that_is_ignored_stays_ignored(script: Holding, folder: Path) -> None:
    ignoring = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGHUP, "
    ignoring += "signal.SIG_IGN); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    with serve_grpc(script) as service:
        there = ["--endpoint", service.address, "--insecure", "--quiet", "--jobs", "1"]
        process = start(*PROGRAM, "analyze", *there, "scans", cwd=folder, program=("-c", ignoring))
        assert script.holds.wait(_SOON_S)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGHUP)
        script.goes_on.set()
        finished = finish(process)
    assert (finished.code, finished.stderr) == (0, "")
    assert finished.text.count("==>") == len(_NAMES)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_a_list_that_does_not_end_is_not_waited_for(folder: Path, number: signal.Signals, code: int) -> None:
    with serve_grpc(answer) as service:
        there = ["--endpoint", service.address, "--insecure", "--no-progress", "--format", "jsonl"]
        with start("analyze", *there, "--files-from", "-", cwd=folder, stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            process.stdin.write(f"{_NAMES[0]}\n".encode())
            process.stdin.flush()
            assert _NAMES[0].encode() in read_line(process)
            assert interrupt(process, number).startswith("ending; ")
            assert process.wait(_SOON_S) == code
            assert process.stderr is not None
            complaints = process.stderr.read().decode()
    assert complaints.startswith("interrupted\n")
    assert "Fatal" not in complaints


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("options", [(), ("--fit",)], ids=["in place", "read ahead"])
def test_a_file_that_hangs_is_not_waited_for(
    folder: Path, number: signal.Signals, code: int, options: tuple[str, ...]
) -> None:
    """It is a named pipe that nobody writes to. The images before it, which are in flight, keep their results."""
    os.mkfifo(folder / "pipe.png")
    arrived, goes_on = threading.Event(), threading.Event()

    def script(request: BatchAnalyzeRequest) -> Reply:
        arrived.set()
        goes_on.wait(_SOON_S)
        return answer(request)

    with serve_grpc(script) as service:
        process = analyze(service, folder, "pipe.png", "-o", "out.jsonl", *options)
        assert arrived.wait(_SOON_S)
        assert interrupt(process, number).startswith("finishing ")
        in_flight = service.images_sent
        goes_on.set()
        finished = finish(process)
    assert finished.code == code
    assert finished.complaints[0] == "interrupted"
    assert len(lines_of(folder / "out.jsonl")) == in_flight


@pytest.mark.parametrize("where", ["first", "only", "later"])
def test_a_file_that_hangs_ends_at_once_when_nothing_is_in_flight(folder: Path, where: str) -> None:
    os.mkfifo(folder / "pipe.png")
    names = {"first": ["pipe.png", "scans"], "only": ["pipe.png"], "later": [_NAMES[0], "pipe.png"]}[where]
    with serve_grpc(answer) as service:
        there = ["--endpoint", service.address, "--insecure", "--verbose", "-o", "out.jsonl"]
        process = start("analyze", *there, *names, cwd=folder)
        # Opened for writing only once it is being read.
        pipe = os.open(folder / "pipe.png", os.O_WRONLY)
        process.send_signal(signal.SIGTERM)
        finished = finish(process)
        os.close(pipe)
    assert finished.code == 143
    assert "interrupted" in finished.complaints
    assert "not read" not in finished.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_the_first_call_leaves_nothing(folder: Path, number: signal.Signals) -> None:
    os.mkfifo(folder / "pipe.png")
    with serve_grpc(answer) as service:
        there = ["--endpoint", service.address, "--insecure", "-o", "out.txt", "--files-from", "-"]
        # Nothing comes out of the first image, and the list does not end.
        process = start("analyze", *there, cwd=folder, stdin=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(b"pipe.png\n")
        process.stdin.flush()
        while not (folder / "out.txt.partial").exists():
            assert process.poll() is None
        process.send_signal(number)
        stdin = os.dup(process.stdin.fileno())
        finished = finish(process)
        os.close(stdin)
    assert finished.code == 128 + number
    assert finished.complaints[-1] == "interrupted"
    assert sorted(folder.iterdir()) == [folder / "pipe.png", folder / "scans"]
    assert service.requests == []


_SIGNAL_IN_A_FINALIZER = """
import signal, sys, time
from vision_grpc.cli.interrupts import Interrupts

class Finalized:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

with Interrupts() as interrupts:
    try:
        Finalized()
        time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(interrupts.exit_code)
"""


def test_a_signal_counts_where_python_cannot_raise_what_it_raises() -> None:
    finished = finish(start(program=("-c", _SIGNAL_IN_A_FINALIZER)))
    assert (finished.code, finished.stderr) == (143, "")


_INTERRUPT_IN_A_TEXT = """
import ctypes, signal, sys
from vision_grpc.cli.interrupts import Interrupts

with Interrupts() as interrupts:
    try:
        signal.raise_signal(signal.SIGTERM)
    except KeyboardInterrupt:
        ctypes.pythonapi.PyRun_SimpleString(b"raise KeyboardInterrupt")
sys.exit(interrupts.exit_code)
"""


def test_the_exit_code_is_that_of_the_signal_wherever_it_came(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(_INTERRUPT_IN_A_TEXT)
    assert finish(start(program=("-m", "program"), cwd=tmp_path)).code == 143


_SIGNAL_BEFORE_A_WAIT = """
import os, signal, sys, threading
from vision_grpc.cli.interrupts import Interrupts

reader, writer = os.pipe()
with Interrupts() as interrupts:
    try:
        # In another thread, it does not end the wait of this one.
        threading.Timer(0.2, signal.raise_signal, [signal.SIGTERM]).start()
        os.read(reader, 1)
    except KeyboardInterrupt:
        sys.exit(interrupts.exit_code)
"""


def test_a_signal_counts_that_came_just_before_a_wait() -> None:
    finished = finish(start(program=("-c", _SIGNAL_BEFORE_A_WAIT)))
    assert (finished.code, finished.stderr) == (143, "")
