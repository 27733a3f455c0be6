"""How far memory grows while files are streamed: over what the process held after its imports."""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .ground import open_ground
from .images import fake_jpegs
from .table import Row, report

_FILES = 64
_CLIENTS = ("sync", "asyncio")


def main(argv: Sequence[str]) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="bench.py memory", description=__doc__)
    parser.add_argument("--images", default="20000", help="one count or several, such as 20000,200000 (%(default)s)")
    parser.add_argument("--size", type=int, default=200, help="KB an image (%(default)s)")
    parser.add_argument("--clients", default=",".join(_CLIENTS), help="%(default)s")
    parser.add_argument("--json", metavar="FILE", help="- for standard output")
    options = parser.parse_args(argv)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch, open_ground() as ground:
        folder = Path(scratch)
        for number, image in enumerate(fake_jpegs(_FILES, options.size * 1000)):
            (folder / f"{number:02}.jpg").write_bytes(image)
        for images in map(int, options.images.split(",")):
            for client in options.clients.split(","):
                with ground.worker("clients", client, "--files", folder) as worker:
                    spent = worker.run(images)
                rows.append(
                    {
                        "client": client,
                        "images": images,
                        "peak MB": spent.peak_bytes / 1e6,
                        "CPU ms/image": spent.cpu_s * 1000 / images,
                        "images/s": images / spent.wall_s,
                    }
                )
    report(rows, options.json)
