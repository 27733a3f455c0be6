"""What streaming costs the client's CPU, as ratios to the floor: ready bytes out, bytes in, eight images a call.

`window-floor-16m` is what any client on grpcio costs at least that has several calls in flight and joins each request.
"""

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from .clients import BATCH
from .ground import Ground, Process, Spent, open_ground
from .peers import Peer, find_peers, write_answers
from .table import Row, report

_FLOOR = "floor"
_TUNED = "+tune"
_CLIENTS = (
    "window-floor-16m,window-floor-16m+tune,sync,sync+tune,sync-text,asyncio,asyncio+tune,asyncio-text,stub-1,stub-8"
)
# Enough for each turn to take some tenths of a second, which the clock of CPU time measures well.
_TURN_BYTES = 120_000_000
_MOST_IMAGES = 1600


def main(argv: Sequence[str]) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="bench.py stream", description=__doc__)
    parser.add_argument("--sizes", default="20,200,1000", help="KB an image (%(default)s)")
    parser.add_argument("--images", type=int, help="images a turn")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each client (%(default)s)")
    parser.add_argument("--clients", default=_CLIENTS, help=f"{_TUNED}: after tune_memory() (%(default)s)")
    parser.add_argument("--peers", action="store_true", help="install the other libraries in .venv-bench-*")
    parser.add_argument("--json", metavar="FILE", help="- for standard output")
    options = parser.parse_args(argv)
    peers = find_peers(install=options.peers)
    clients = [_FLOOR, *(name for name in options.clients.split(",") if name != _FLOOR)]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch, open_ground(foreign=write_answers(peers, Path(scratch))) as ground:
        for size in (1000 * int(kilobytes) for kilobytes in options.sizes.split(",")):
            images = options.images or min(_MOST_IMAGES, _TURN_BYTES // size)
            images -= images % BATCH
            with ExitStack() as stack:
                workers = {name: stack.enter_context(worker) for name, worker in _workers(ground, clients, peers, size)}
                rows += _measure(workers, size, images, options.rounds)
    report(rows, options.json)


def _workers(ground: Ground, clients: Sequence[str], peers: Sequence[Peer], size: int) -> list[tuple[str, Process]]:
    ours = [(name, ground.worker("clients", *_arguments(name), "--size", str(size))) for name in clients]
    return ours + [(peer.name, ground.worker(peer.module, "--size", str(size), python=peer.python)) for peer in peers]


def _arguments(client: str) -> list[str]:
    name = client.removesuffix(_TUNED)
    return [name] if name == client else [name, "--tune"]


def _measure(workers: dict[str, Process], size: int, images: int, rounds: int) -> list[Row]:
    for worker in workers.values():
        worker.run(images)  # Connects, imports what comes late, and fills the allocators.
    turns: dict[str, list[Spent]] = {name: [] for name in workers}
    for _ in range(rounds):
        for name, worker in workers.items():
            turns[name].append(worker.run(images))
    return [
        {
            "client": name,
            "KB": size // 1000,
            "CPU ms/image": median(turn.cpu_s for turn in spent) * 1000 / images,
            # The machine's speed changes while this runs: each turn is compared with the floor of its own round.
            "x floor": median(turn.cpu_s / floor.cpu_s for turn, floor in zip(spent, turns[_FLOOR], strict=True)),
            "faults/image": median(turn.page_faults for turn in spent) / images,
            "images/s": images / median(turn.wall_s for turn in spent),
            "peak MB": max(turn.peak_bytes for turn in spent) / 1e6,
        }
        for name, spent in turns.items()
    ]
