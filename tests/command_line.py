"""The command line, run as its users run it: a process of its own, known by what it prints and its exit code."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image
from secret_watch import refuse_secrets

PROGRAM = ("-m", "vision_grpc")
PROGRAM_WITHOUT_BACKOFF = (
    "-c",
    """
from vision_grpc.cli import main
from vision_grpc.testing import without_backoff
with without_backoff():
    main()
""",
)
_OURS = ("YC_", "VISION_GRPC_")
_started: "list[subprocess.Popen[bytes]]" = []


def program_with_little_space(most_bytes: int, first: str = "") -> tuple[str, str]:
    """Return the program such that its files have `most_bytes` at most; `first` is run before.

    Whoever writes more meets the same kind of failure as on a full disk. Compiled modules are not written: Python 3.11
    would leave half of one.
    """
    code = f"""
import resource, sys
sys.dont_write_bytecode = True
from vision_grpc.cli import main
{first}
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, unlimited[1]))
try:
    main()
finally:  # What measures the coverage of this program writes a larger file at its end.
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
"""
    return "-c", code


# There is space at first.
PROGRAM_ON_A_FULL_DISK = program_with_little_space(1500, "from vision_grpc.bulk import space; space.LEAST_BYTES = 0")


@pytest.fixture(autouse=True)
def no_process_outlives_its_test() -> Iterator[None]:
    """End what a test that failed has left running: else other tests would fail too."""
    of_wider_fixtures = len(_started)
    yield
    for process in _started[of_wider_fixtures:]:
        process.kill()
        with process:
            pass
    del _started[of_wider_fixtures:]


class Finished(NamedTuple):
    """What is left of a process."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout.decode()

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The objects of JSON lines."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def complaints(self) -> list[str]:
        """The lines on stderr."""
        return self.stderr.splitlines()

    @property
    def errors(self) -> list[str]:
        """Those of them that begin with `error: `."""
        return [line for line in self.complaints if line.startswith("error: ")]


def start(
    *arguments: object,
    cwd: Path | None = None,
    variables: Mapping[str, str] | None = None,
    program: Sequence[str] = PROGRAM,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    """Start the command; of the settings in the environment it sees `variables` alone."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    process = subprocess.Popen(
        [sys.executable, *program, *map(_spell, arguments)],
        cwd=cwd,
        env=inherited | {"PYTHONFAULTHANDLER": "1"} | dict(variables or {}),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
    )
    _started.append(process)
    return process


def read_line(process: subprocess.Popen[bytes]) -> bytes:
    """Return the next line that a process prints."""
    assert process.stdout is not None
    return refuse_secrets(process.stdout.readline())


def finish(process: subprocess.Popen[bytes], stdin: bytes | None = None) -> Finished:
    """Wait for the end of a process; one that does not end tells where it is, and is no burden to other tests."""
    with process:
        try:
            stdout, stderr = process.communicate(stdin, timeout=60)
        except subprocess.TimeoutExpired as hanging:
            process.send_signal(signal.SIGABRT)
            _, stderr = process.communicate()
            hanging.add_note((stderr or b"").decode())
            raise
    return Finished(process.returncode, stdout or b"", (stderr or b"").decode())


def run(
    *arguments: object,
    stdin: bytes | None = None,
    cwd: Path | None = None,
    variables: Mapping[str, str] | None = None,
    program: Sequence[str] = PROGRAM,
) -> Finished:
    """Run the command to its end."""
    source = subprocess.DEVNULL if stdin is None else subprocess.PIPE
    return finish(start(*arguments, cwd=cwd, variables=variables, program=program, stdin=source), stdin)


def options_to(address: str) -> list[str]:
    """Return the options that lead to a service in plaintext."""
    return ["--endpoint", address, "--insecure"]


def lines_of(journal: Path) -> list[dict[str, Any]]:
    """Return the results in a journal, in the order of its lines."""
    told = map(json.loads, journal.read_bytes().splitlines())
    return [line for line in told if "journal" not in line]


def cut_first_line(page: Path, target: Path) -> Path:
    """Write the first printed line of a page of data/pages, which is read in a fraction of the page's time."""
    with Image.open(page) as image:
        image.crop((0, 0, image.width, 122)).save(target)
    return target


def _spell(argument: object) -> str | bytes:
    return argument if isinstance(argument, bytes) else str(argument)
