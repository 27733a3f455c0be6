"""A process with hardly a file descriptor left: it gets its answer or one clear error, and goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scripted_service import answer, serve_grpc, serve_rest

_PROGRAM = Path(__file__).parent.parent / "programs" / "few_files.py"


@pytest.mark.parametrize("left", [0, 1, 3, 6, 30])
@pytest.mark.parametrize("client", ["sync", "asyncio"])
@pytest.mark.parametrize("transport", ["grpc", "rest", "auto"])
def test_want_of_files_is_told(transport: str, client: str, left: int) -> None:
    with (serve_rest if transport == "rest" else serve_grpc)(answer) as service:
        finished = subprocess.run(
            [sys.executable, str(_PROGRAM), service.address, transport, client, str(left)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert finished.returncode == 0, finished.stderr
    said = finished.stdout.strip()
    assert said == "7" or said.endswith(
        "this process may open no more files; close some, or raise the limit (ulimit -n)"
    )
    if left == 30:
        assert said == "7"
    if left == 0:
        assert said != "7"
