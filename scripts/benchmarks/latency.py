"""Images per second against a service that takes its time, as the window grows, with and without a quota."""

import argparse
from collections.abc import Sequence
from itertools import product

from .clients import BATCH
from .ground import Ground, open_ground
from .table import Row, report

_IMAGE_BYTES = 20_000
_CLIENTS = ("sync", "asyncio")
# Windows that pass in a measurement; the first of them find the connection open.
_WINDOWS = 8
_LEAST_S = 2.0


def main(argv: Sequence[str]) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="bench.py latency", description=__doc__)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds a call (%(default)s)")
    parser.add_argument("--calls", default="1,2,4,8,16,32,64,128", help="calls in flight (%(default)s)")
    parser.add_argument("--quota", type=float, default=600, help="images/s in the second half (%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="- for standard output")
    options = parser.parse_args(argv)
    windows = [int(calls) for calls in options.calls.split(",")]
    with open_ground(latency_s=options.latency) as ground:
        rows = [
            _measure(ground, client, calls, quota, options.latency)
            for client, quota, calls in product(_CLIENTS, (None, options.quota), windows)
        ]
    report(rows, options.json)


def _measure(ground: Ground, client: str, calls: int, quota: float | None, latency_s: float) -> Row:
    window = calls * BATCH
    bound = min(window / latency_s, quota or float("inf"))
    images = _WINDOWS * window if quota is None else max(window, round(bound * _LEAST_S))
    limits = ["--calls", str(calls)] + ([] if quota is None else ["--images-per-s", str(quota)])
    with ground.worker("clients", client, "--size", str(_IMAGE_BYTES), *limits) as worker:
        worker.run(BATCH)
        spent = worker.run(images)
    return {
        "client": client,
        "quota images/s": quota,
        "calls in flight": calls,
        "images/s": images / spent.wall_s,
        "of the bound": images / spent.wall_s / bound,
    }
