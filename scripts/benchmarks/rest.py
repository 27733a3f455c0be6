"""What streaming over REST costs, eight images a call.

CPU as ratios to http.client sending the same ready body; peak memory beside that of streaming over gRPC.
"""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median

from .clients import BATCH
from .ground import Ground, Process, Spent, open_ground, open_rest_ground
from .table import Row, report

_FLOOR = "http.client"
_MODULE = "clients"


def main(argv: Sequence[str]) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="bench.py rest", description=__doc__)
    parser.add_argument("--size", type=int, default=1000, help="KB an image (%(default)s)")
    parser.add_argument("--calls", type=int, default=40, help="calls a turn (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each client (%(default)s)")
    parser.add_argument("--plaintext", action="store_true", help="REST without TLS")
    parser.add_argument("--json", metavar="FILE", help="- for standard output")
    options = parser.parse_args(argv)
    with open_ground() as grpc, open_rest_ground(plaintext=options.plaintext) as rest, ExitStack() as stack:
        workers = {
            name: stack.enter_context(worker) for name, worker in _workers(grpc, rest, str(options.size * 1000)).items()
        }
        rows = _measure(workers, options.calls * BATCH, options.rounds)
    report(rows, options.json)


def _workers(grpc: Ground, rest: Ground, size: str) -> dict[str, Process]:
    over_rest = ("--transport", "rest", "--size", size)
    return {
        _FLOOR: rest.worker(_MODULE, "rest-floor", *over_rest),
        "REST sync": rest.worker(_MODULE, "sync", *over_rest),
        "REST asyncio": rest.worker(_MODULE, "asyncio", *over_rest),
        "gRPC sync": grpc.worker(_MODULE, "sync", "--size", size),
        "gRPC asyncio": grpc.worker(_MODULE, "asyncio", "--size", size),
    }


def _measure(workers: dict[str, Process], images: int, rounds: int) -> list[Row]:
    for worker in workers.values():
        worker.run(images)  # Connects, imports what comes late, and fills the allocators.
    turns: dict[str, list[Spent]] = {name: [] for name in workers}
    for _ in range(rounds):
        for name, worker in workers.items():
            turns[name].append(worker.run(images))
    return [
        {
            "client": name,
            "CPU ms/call": median(turn.cpu_s for turn in spent) * 1000 * BATCH / images,
            # The machine's speed changes while this runs: each turn is compared with the floor of its own round.
            "x floor": median(turn.cpu_s / floor.cpu_s for turn, floor in zip(spent, turns[_FLOOR], strict=True)),
            "images/s": images / median(turn.wall_s for turn in spent),
            "peak MB": max(turn.peak_bytes for turn in spent) / 1e6,
        }
        for name, spent in turns.items()
    ]
