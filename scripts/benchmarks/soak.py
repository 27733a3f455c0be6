"""Memory, threads and descriptors of the local service over thousands of calls to both its faces."""

import argparse
import json
from collections.abc import Sequence
from contextlib import ExitStack

from .ground import Process
from .local_calls import JPEG, over_grpc, over_rest, request_of
from .table import Row, report

_MEGABYTE = 1_000_000


def main(argv: Sequence[str]) -> None:
    """Call and report."""
    parser = argparse.ArgumentParser(prog="bench.py soak", description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000, help="(%(default)s)")
    parser.add_argument("--size", type=int, default=20, help="KB an image, eight a call (%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="- for standard output")
    options = parser.parse_args(argv)
    request, tenth = request_of(JPEG + bytes(options.size * 1000)), options.calls // 10
    rows: list[Row] = []
    with Process("local_server", "scripted") as service:
        endpoints = json.loads(service.hear())
        for number in range(0, options.calls, tenth):
            for connect, endpoint in ((over_grpc, endpoints["grpc"]), (over_rest, endpoints["rest"])):
                # New connections each time.
                with ExitStack() as stack:
                    call = connect(endpoint, stack)
                    for _ in range(tenth // 2):
                        call(request)
            service.tell("")
            state = json.loads(service.hear())
            rows.append(
                {
                    "calls": number + tenth,
                    "MB": state["memory_bytes"] / _MEGABYTE,
                    "threads": state["threads"],
                    "descriptors": state["descriptors"],
                }
            )
    report(rows, options.json)
