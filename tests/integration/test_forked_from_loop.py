"""A process that uses `AsyncVisionClient` may fork: its children call on connections of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scripted_service import answer, serve_grpc, serve_rest

_PROGRAMS = Path(__file__).parents[1] / "programs"
_SERVERS = {"grpc": serve_grpc, "rest": serve_rest, "auto": serve_grpc}


def _run(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(_PROGRAMS / program), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


@pytest.mark.parametrize("how", ["asyncio", "sync", "same"])
@pytest.mark.parametrize("before", ["open", "closed", "dropped", "unused"])
@pytest.mark.parametrize("transport", _SERVERS)
def test_a_forked_child_calls_on_a_connection_of_its_own(transport: str, before: str, how: str) -> None:
    if (before, how) == ("closed", "same") or (transport != "grpc" and before != "open"):
        pytest.skip("a closed client is of no use to a child either; the other transports have no thread of gRPC")
    with _SERVERS[transport](answer) as service:
        done = _run("forked_from_loop.py", service.address, transport, before, how)
    assert done.stdout.split() == ["child", "well", "parent", "well"], done.stderr


def test_the_thread_of_grpc_is_known_while_it_runs_and_ends_with_the_last_channel() -> None:
    # In a process of its own: channels that other tests have left keep the thread too.
    with serve_grpc(answer) as service:
        done = _run("thread_of_loops.py", service.address)
    assert done.stdout.split() == ["known", "ended"], done.stderr


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the threads of gRPC are counted there")
@pytest.mark.parametrize(
    ("arguments", "seen"),
    [(["client"], "held"), (["loop"], "held"), (["other"], "held"), (["client", "full"], "gone")],
)
def test_grpc_is_held_through_a_fork_whatever_has_used_it(arguments: list[str], seen: str) -> None:
    # Else a child that is forked while gRPC ends hangs, which is one in hundreds.
    done = _run("held_through_fork.py", *arguments)
    assert (done.stdout.split(), done.stderr) == ([seen], "")
