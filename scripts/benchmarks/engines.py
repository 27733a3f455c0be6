"""What an image costs by the asyncio client, by analyze_batches, and by Ray Data and Spark, in CPU of all processes.

Each turn is a long run after a short one; the difference is what images cost, without the start of anything. The
service is a process that is not counted. What an engine spends without work is shown, and not taken away.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from statistics import median
from typing import NamedTuple

from lanes.environment import InstallError
from lanes.kept import ENGINES, keep_engine, kept

from .answers import WORDS
from .ground import Ground, Process, open_ground
from .in_arrow import BLOCK
from .process_tree import ProcessTree
from .table import Row, report

_FLOOR = "client"
_CLIENTS = {"unread": "AsyncVisionClient, text not read", _FLOOR: "AsyncVisionClient", "batches": "analyze_batches"}
_IDLE_S = 3.0


class _Turn(NamedTuple):
    cpu_s: float
    wall_s: float
    start_cpu_s: float
    """What a run costs that reads nothing."""


def main(argv: Sequence[str]) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="bench.py engines", description=__doc__)
    parser.add_argument("--size", type=int, default=50, help="KB an image (%(default)s)")
    parser.add_argument("--words", type=int, default=WORDS, help="on the page of each answer (%(default)s)")
    parser.add_argument("--short", type=int, default=5, help=f"blocks of {BLOCK} images in a short run (%(default)s)")
    parser.add_argument("--long", type=int, default=45, help="and in a long one (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (%(default)s)")
    parser.add_argument("--rows", type=int, default=64, help="a batch (%(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="actors of Ray, threads of Spark (%(default)s)")
    parser.add_argument("--engines", default=",".join(ENGINES), help="(%(default)s)")
    parser.add_argument("--install", action="store_true", help="install the engines in .venv-*; Spark needs Java, too")
    parser.add_argument("--json", metavar="FILE", help="- for standard output")
    options = parser.parse_args(argv)
    engines = [name for name in filter(None, options.engines.split(",")) if _is_here(name, install=options.install)]
    sent = ("--size", str(options.size * 1000), "--rows", str(options.rows))
    with open_ground(words=options.words) as ground, ExitStack() as stack:
        workers = {name: stack.enter_context(ground.worker("on_client", "--way", name, *sent)) for name in _CLIENTS}
        for name in engines:
            workers[name] = stack.enter_context(_on_engine(ground, name, *sent, "--workers", str(options.workers)))
        ways = {name: _Way(worker, stack.enter_context(ProcessTree(worker.pid))) for name, worker in workers.items()}
        rows = _measure(ways, options.short * BLOCK, options.long * BLOCK, options.rounds)
    report(rows, options.json)


def _is_here(name: str, *, install: bool) -> bool:
    if name == "spark" and shutil.which("java") is None:
        print("spark is left out: there is no java; scripts/packages default-jre-headless installs it", file=sys.stderr)
        return False
    try:
        python = keep_engine(name).python if install else kept(name).python
    except InstallError as error:
        print(f"{name} is left out: {error}", file=sys.stderr)
        return False
    if not python.exists():
        print(f"{name} is left out: --install installs it, or scripts/test --engines", file=sys.stderr)
    return python.exists()


def _on_engine(ground: Ground, name: str, *arguments: str) -> Process:
    return ground.worker(f"on_{name}", *arguments, python=kept(name).python, quiet=True)


def _measure(ways: Mapping[str, "_Way"], short: int, long: int, rounds: int) -> list[Row]:
    for way in ways.values():
        way.warm_up(long)
    idle = {name: way.idle_ms_per_s() for name, way in ways.items()}
    turns: dict[str, list[_Turn]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            turns[name].append(way.turn(short, long))
    images = long - short
    return [
        {
            "way": _CLIENTS.get(name, name),
            "CPU ms/image": median(turn.cpu_s for turn in each) * 1000 / images,
            "least": min(turn.cpu_s for turn in each) * 1000 / images,
            "most": max(turn.cpu_s for turn in each) * 1000 / images,
            # The part of it that the engine would have spent without work.
            "of it idle": idle[name] * median(turn.wall_s for turn in each) / images,
            # Of images a second of CPU: as the speed of the machine changes, the client of the same round is the floor.
            "of the client's": median(
                floor.cpu_s / turn.cpu_s for turn, floor in zip(each, turns[_FLOOR], strict=True)
            ),
            "images a second": images / median(turn.wall_s for turn in each),
            "CPU s at its start": median(turn.start_cpu_s for turn in each),
        }
        for name, each in turns.items()
    ]


class _Way:
    """A worker, with all processes that it starts."""

    def __init__(self, worker: Process, tree: ProcessTree) -> None:
        self._worker = worker
        self._tree = tree

    def warm_up(self, images: int) -> None:
        """Let it import what comes late, and Java compile what is hot."""
        self._worker.run(images)

    def idle_ms_per_s(self) -> float:
        """Return the milliseconds of CPU of a second without work."""
        before = self._tree.cpu_s()
        time.sleep(_IDLE_S)
        return (self._tree.cpu_s() - before) * 1000 / _IDLE_S

    def turn(self, short: int, long: int) -> _Turn:
        """Take a turn."""
        little_s, little_wall_s = self._spend(short)
        much_s, much_wall_s = self._spend(long)
        per_image_s = (much_s - little_s) / (long - short)
        return _Turn(much_s - little_s, much_wall_s - little_wall_s, little_s - per_image_s * short)

    def _spend(self, images: int) -> tuple[float, float]:
        """Return the seconds of CPU and of time that so many images take."""
        before = self._tree.cpu_s()
        wall_s = self._worker.run(images).wall_s
        return self._tree.cpu_s() - before, wall_s
