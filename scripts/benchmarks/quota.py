"""What clients make of a quota that they do not know, in virtual time: docs/scale.md has the table.

Each case is a service that refuses what is too fast, and clients that do not know of each other. Nothing is measured
here but decisions, so the numbers are the same on each machine.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product, repeat
from pathlib import Path
from statistics import median

from .table import Row, report

sys.path.append(str(Path(__file__).parents[2] / "tests"))

from quota_worlds import Case, Kind, Outcome, play


def main(argv: Sequence[str]) -> None:
    """Play the cases and report."""
    parser = argparse.ArgumentParser(prog="bench.py quota", description=__doc__)
    parser.add_argument("--quotas", default="1,5,20,100", help="calls a second (%(default)s)")
    parser.add_argument("--clients", default="1,4,16", help="(%(default)s)")
    parser.add_argument("--latencies", default="0.05,0.5,2", help="seconds a call takes (%(default)s)")
    parser.add_argument("--seconds", type=float, default=140.0, help="of which the first 20 do not count (%(default)s)")
    parser.add_argument("--starts", type=int, default=9, help="of each case; medians are reported (%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="- for standard output")
    options = parser.parse_args(argv)
    quotas, latencies = (map(float, text.split(",")) for text in (options.quotas, options.latencies))
    clients = map(int, options.clients.split(","))
    kinds: tuple[Kind, ...] = ("bucket", "window", "jittered")
    cases = [Case(*case) for case in product(kinds, quotas, clients, latencies)]
    with ProcessPoolExecutor() as pool:
        played = pool.map(_play, cases, repeat(options.seconds), repeat(options.starts))
        report([_row(case, outcomes) for case, outcomes in zip(cases, played, strict=True)], options.json)


def _play(case: Case, seconds: float, starts: int) -> Sequence[Outcome]:
    return [play(case, seconds, seed=seed) for seed in range(starts)]


def _row(case: Case, outcomes: Sequence[Outcome]) -> Row:
    return {
        "service": case.kind,
        "calls/s": case.per_s,
        "clients": case.clients,
        "s/call": case.latency_s,
        "lost": sum(outcome.lost for outcome in outcomes),
        "refused %": 100 * median(outcome.refused for outcome in outcomes),
        "used %": 100 * median(outcome.used for outcome in outcomes),
        "slowest/mean": median(outcome.fairness for outcome in outcomes),
    }
