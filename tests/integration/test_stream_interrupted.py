"""Ctrl-C at any moment leaves a client that can be used, for an interactive session or a program that goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scripted_service import answer, serve_grpc, serve_rest

pytestmark = pytest.mark.usefixtures("uncounted_programs")

_PROGRAM = Path(__file__).parents[1] / "programs" / "interrupted.py"
_SERVERS = {"grpc": serve_grpc, "rest": serve_rest}
_TIMES = 40


@pytest.mark.parametrize("transport", _SERVERS)
def test_a_client_is_used_again_after_interrupts(transport: str) -> None:
    with _SERVERS[transport](answer) as service:
        done = subprocess.run(
            [sys.executable, str(_PROGRAM), service.address, transport, str(_TIMES), "1"],
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    assert done.stdout == "well\n", done.stderr
