"""A stream belongs to the process that began it: a child gets none of its results."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = Path(__file__).parents[2] / "programs" / "forked_stream.py"
_REFUSAL = "this stream was begun in the parent process, which gets its results: begin another one here"


@pytest.mark.parametrize(("kind", "place"), [("sync", "reader"), ("sync", "source"), ("asyncio", "reader")])
def test_a_forked_child_gets_no_result_of_its_parents_stream(kind: str, place: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", str(_PROGRAM), kind, place],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    all_of_them = " ".join(map(str, range(20)))
    assert done.stdout.splitlines() == [f"child {_REFUSAL}", f"parent {all_of_them} end"], done.stderr
