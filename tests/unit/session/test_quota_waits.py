"""A process that waits for a permit can be interrupted, ended and forked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("uncounted_programs")

_PROGRAM = Path(__file__).parents[2] / "programs" / "waits_for_quota.py"
_TOLD = ["interrupted", "1", "child 1", "parent True 1", "waits"]


def test_a_process_that_waits_for_a_permit_can_be_interrupted_forked_and_ended() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", str(_PROGRAM)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == (_TOLD, "", 0)
