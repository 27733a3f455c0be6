"""What the workers of the engines' benchmark have in common: how they are told what to do, and what they send."""

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

_TOKEN = "t1.benchmark"  # noqa: S105 - nobody checks it


class Order(NamedTuple):
    """What a worker sends, and where to."""

    size: int
    """Bytes an image."""

    rows: int
    """Rows a batch."""

    workers: int
    settings: dict[str, Any]
    """Those of a client."""

    way: str
    """Which of several ways, where there are some."""


def read_order(description: str | None, ways: Iterable[str] = ()) -> Order:
    """Return what the command line says; credentials are in the environment from now on, for all that is started."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--target", required=True)
    parser.add_argument("--roots", type=Path, required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--way", choices=ways, default="")
    options = parser.parse_args()
    os.environ["YC_IAM_TOKEN"] = _TOKEN
    roots = options.roots.read_bytes()
    settings = {"endpoint": options.target, "folder_id": "b1g0000000000000000", "root_certificates": roots}
    return Order(options.size, options.rows, options.workers, settings, options.way)


def keep_output() -> None:
    """Keep standard output for this process; what it starts writes to standard error."""
    output = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = os.fdopen(output, "w")


def check(read: int, images: int) -> None:
    """Raise AssertionError where not so many images were read."""
    if read != images:
        message = f"{read} of {images} images were read"
        raise AssertionError(message)
