"""A process that waits for a permit can be interrupted, ended and forked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = Path(__file__).parents[2] / "programs" / "waits_for_quota.py"


@pytest.mark.parametrize(
    ("how", "told"),
    [("interrupt", ["interrupted", "1"]), ("exit", ["waits"]), ("fork", ["child 1", "parent True 1"])],
)
def test_a_process_that_waits_for_a_permit(how: str, told: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", str(_PROGRAM), how],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == (told, "", 0)
