"""A program of Python's, run to its end: what it takes."""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .ground import environment
from .journalled import TOKEN
from .meter import memory_bytes

PROGRAM = ("-m", "vision_grpc")
_LOOK_S = 0.05


class Ended(NamedTuple):
    """What a program took."""

    cpu_s: float
    peak_bytes: int


def run_python(*arguments: str | Path) -> Ended:
    """Run Python to the end of a program, and return what that took.

    Raises:
        ChildProcessError: the program failed; the error has what it said.
    """
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=messages,
            env=environment() | {"YC_IAM_TOKEN": TOKEN},
        )
        peak_bytes = 0
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            # The peak that `wait4` returns would be at least that of this process, which started it.
            with suppress(OSError, IndexError):
                peak_bytes = memory_bytes("VmHWM", process.pid)
            time.sleep(_LOOK_S)
        process.returncode = os.waitstatus_to_exitcode(ended[1])
        if process.returncode:
            messages.seek(0)
            message = f"{process.args!r} ended with {process.returncode}: {messages.read().decode()}"
            raise ChildProcessError(message)
    return Ended(ended[2].ru_utime + ended[2].ru_stime, peak_bytes)
