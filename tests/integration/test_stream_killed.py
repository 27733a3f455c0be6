"""Streams against a service whose process is killed, several times."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from drivers import AsyncDriver, SyncDriver
from held_port import held_port
from images_in_bytes import png

from vision_grpc import Limits, RetryPolicy
from vision_grpc.contract.sizes import MOST_IMAGES
from vision_grpc.events import Event, RetryScheduled

pytestmark = pytest.mark.usefixtures("patient_sources")

_PROGRAM = Path(__file__).parent.parent / "programs" / "mortal_service.py"
_IMAGES = 2_400
# Longer than a few attempts take without patience.
_AWAY_S = 4.0
# Requests that each process sees: some in the rush of the start, some in the middle, fewer than a window.
_LIVES = (5, 120, 90)
_PATIENT = RetryPolicy(attempts=10_000, initial_backoff_s=0.01, max_backoff_s=0.05, budget=1_000_000)
_WINDOW = Limits().calls_in_flight


class _Mortal(NamedTuple):
    """A service in a process of its own."""

    process: "subprocess.Popen[str]"
    port: int
    log: Path

    def rise(self) -> None:
        """Let it come back when it has died, the next time if it has not yet."""
        assert self.process.stdin is not None
        print(file=self.process.stdin, flush=True)

    def answered(self) -> list[list[int]]:
        """Return the numbers of the images in each request that was answered."""
        return [[*map(int, request.split())] for request in self.log.read_text().splitlines()]


@contextmanager
def _mortal(transport: str, folder: Path, lives: tuple[int, ...] = _LIVES) -> Iterator[_Mortal]:
    with held_port() as port:
        log = folder / "answered"
        process = subprocess.Popen(
            [sys.executable, str(_PROGRAM), transport, str(port), str(log), *map(str, lives)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,
        )
        assert process.stdout is not None
        with process:
            try:
                assert process.stdout.readline() == "listening\n"
                yield _Mortal(process, port, log)
            finally:
                # Who kills and is killed go together.
                os.killpg(process.pid, signal.SIGKILL)
            assert process.stdout.read().split() == ["listening"] * len(lives)


@pytest.mark.parametrize("driver", [SyncDriver, AsyncDriver])
@pytest.mark.parametrize("transport", ["grpc", "rest", "auto"])
def test_killing_the_service_costs_no_image_and_answers_at_most_a_window_twice(
    transport: str, driver: type[SyncDriver | AsyncDriver], tmp_path: Path
) -> None:
    failures = 0

    def on_event(event: Event) -> None:
        nonlocal failures
        if isinstance(event, RetryScheduled):
            failures += 1
            # More than were under way: some have found that nobody is there.
            if failures % (2 * _WINDOW) == 0:
                mortal.rise()

    with _mortal("rest" if transport == "rest" else "grpc", tmp_path) as mortal:
        client = driver(
            {
                "endpoint": f"127.0.0.1:{mortal.port}",
                "insecure": True,
                "transport": transport,
                "retry": _PATIENT,
                "on_event": on_event,
            }
        )
        results = client.collect(png(number) for number in range(_IMAGES))
    assert [result.error for result in results] == [None] * _IMAGES
    assert sorted(result.key for result in results) == sorted(f"#{number}" for number in range(_IMAGES))
    assert {result.key: result.text for result in results} == {f"#{number}": str(number) for number in range(_IMAGES)}
    answered = mortal.answered()
    times = Counter(number for request in answered for number in request)
    assert set(times) == set(range(_IMAGES))
    assert max(times.values()) <= 1 + len(_LIVES)
    # What was answered when the process died may not have got out.
    assert len(answered) <= _IMAGES / MOST_IMAGES + len(_LIVES) * _WINDOW
    assert client.stats.calls_in_flight == 0


@pytest.mark.parametrize(("transport", "driver"), [("grpc", SyncDriver), ("rest", AsyncDriver)])
def test_by_default_a_service_that_is_away_for_a_while_costs_no_image(
    transport: str, driver: type[SyncDriver | AsyncDriver], tmp_path: Path
) -> None:
    returns = threading.Event()

    def on_event(event: Event) -> None:
        if isinstance(event, RetryScheduled) and not returns.is_set():
            returns.set()
            threading.Timer(_AWAY_S, mortal.rise).start()

    with _mortal(transport, tmp_path, (20,)) as mortal:
        options = {"endpoint": f"127.0.0.1:{mortal.port}", "insecure": True, "transport": transport}
        results = driver({**options, "on_event": on_event}).collect(png(number) for number in range(_IMAGES))
    assert [result.error for result in results] == [None] * _IMAGES
    assert max(result.attempts for result in results) > 1
