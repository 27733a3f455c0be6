"""CPU of importing the package, over that of importing gRPC, each in a fresh interpreter."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from statistics import median

from .table import Row, report

_STATEMENTS = (
    "import grpc",
    "import vision_grpc",
    "from vision_grpc import VisionClient",
    "from vision_grpc import AsyncVisionClient",
    "import grpc, google.protobuf.descriptor_pb2",
)
_PROGRAM = """
import resource
def spent():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
before = spent()
{statement}
print(spent() - before)
"""


def main(argv: Sequence[str]) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="bench.py import", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="%(default)s")
    parser.add_argument("--json", metavar="FILE", help="- for standard output")
    options = parser.parse_args(argv)
    spent: dict[str, list[float]] = {statement: [] for statement in _STATEMENTS}
    for _ in range(options.rounds + 1):
        for statement, seconds in spent.items():
            seconds.append(_import(statement))
    grpc = spent[_STATEMENTS[0]]
    rows: list[Row] = [
        {
            "statement": statement,
            # The first round compiles and warms the disk's cache.
            "CPU ms": median(seconds[1:]) * 1000,
            "x import grpc": median(ours / theirs for ours, theirs in zip(seconds[1:], grpc[1:], strict=True)),
        }
        for statement, seconds in spent.items()
    ]
    report(rows, options.json)


def _import(statement: str) -> float:
    program = _PROGRAM.format(statement=statement)
    return float(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout)
