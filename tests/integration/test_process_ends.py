"""A process ends, whatever it leaves unfinished: no finalizer waits for a thread that is not there any more.

`--whole` lets each kind of client end 200 processes.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import pytest
from scripted_service import Service, answer, serve_grpc, serve_rest

pytestmark = pytest.mark.usefixtures("uncounted_programs")

_PROGRAM = Path(__file__).parents[1] / "programs" / "left_at_exit.py"
# Where gRPC does not get through, `auto` has both transports.
_SERVERS = {"grpc": serve_grpc, "rest": serve_rest, "auto": serve_rest}
_CODES = {"exception": 1, "exit": 3, "interrupt": -signal.SIGINT}
_WAYS = ("global", "cycle", "thread", "atexit", "held", "finalizer", *_CODES)
_LONGEST_S = 60


@pytest.fixture(params=_SERVERS)
def service(request: pytest.FixtureRequest) -> Iterator[tuple[Service, str]]:
    with _SERVERS[request.param](answer) as service:
        yield service, request.param


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["sync", "asyncio"])
def test_a_process_ends(service: tuple[Service, str], kind: str, pytestconfig: pytest.Config) -> None:
    times = 200 if pytestconfig.getoption("--whole") else len(_WAYS)
    for way in islice(cycle(_WAYS), times):
        _check_end(service[0].address, kind, service[1], way)


def _check_end(address: str, kind: str, transport: str, way: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-X", "faulthandler", str(_PROGRAM), address, kind, transport, way],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as process:
        try:
            printed, errors = process.communicate(timeout=_LONGEST_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            pytest.fail(f"{way}: the process does not end: {process.communicate()[1]}")
    assert process.returncode == _CODES.get(way, 0), (way, errors)
    assert printed.split() == ["begun", *["refused"] * 2 * (way == "finalizer")], (way, errors)
    if way not in _CODES:
        assert errors == "", way
