"""What the command line costs over the library: CPU an image, memory and resuming of a long run, and its start."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from statistics import median

from .ground import Ground, open_ground
from .images import fake_jpegs
from .journalled import FOLDER_ID
from .program import PROGRAM, run_python
from .table import Row, report

_INODES = 64
_FEW = 8
"""A run of so many images shows what it costs to start and to end."""
_TINY_BYTES = 2_000
_STARTS = (("--help",), ("--version",), ("analyze", "--help"))


def main(argv: Sequence[str]) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="bench.py cli", description=__doc__)
    parser.add_argument("--images", type=int, default=4000, help="of the comparison with the library (%(default)s)")
    parser.add_argument("--sizes", default="20,200", help="KB an image there (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="%(default)s")
    parser.add_argument("--long", type=int, default=200_000, help="images of the long run, 0 for none (%(default)s)")
    parser.add_argument("--words", type=int, default=300, help="on each page of the long run (%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="- for standard output")
    options = parser.parse_args(argv)
    rows = _measure_starts(options.rounds)
    with tempfile.TemporaryDirectory() as scratch, open_ground() as ground:
        for kilobytes in filter(None, options.sizes.split(",")):
            size = int(kilobytes) * 1000
            rows.append(_compare(Path(scratch, kilobytes), ground, size, options.images, options.rounds))
    if options.long:
        with tempfile.TemporaryDirectory() as scratch, open_ground(words=options.words) as ground:
            rows += _measure_long(Path(scratch), ground, options.long)
    report(rows, options.json)


def _measure_starts(rounds: int) -> list[Row]:
    bare = [run_python("-c", "pass").cpu_s for _ in range(rounds + 1)]
    rows: list[Row] = []
    for arguments in _STARTS:
        spent = [run_python(*PROGRAM, *arguments).cpu_s for _ in range(rounds + 1)]
        over_ms = (median(spent[1:]) - median(bare[1:])) * 1000
        rows.append(_row(f"{' '.join(arguments)}: CPU ms over the interpreter's start", over_ms, 150))
    return rows


def _compare(folder: Path, ground: Ground, size: int, images: int, rounds: int) -> Row:
    many, few = folder / "many", folder / "few"
    _fill(many, images, size)
    _fill(few, _FEW, size)
    outputs = (folder / f"{number}.jsonl" for number in count())
    ratios: list[float] = []
    for _ in range(rounds):
        ours, library = (
            run_python(*way(ground, many, next(outputs))).cpu_s - run_python(*way(ground, few, next(outputs))).cpu_s
            for way in (_command, _in_python)
        )
        ratios.append(ours / library)
        ours_ms, library_ms = (spent * 1000 / (images - _FEW) for spent in (ours, library))
        print(f"{size // 1000} KB: {ours_ms:.3f} ms an image, by the library {library_ms:.3f} ms", file=sys.stderr)
    return _row(f"{size // 1000} KB: CPU an image over analyze_many with a journal's line", median(ratios), 1.1)


def _measure_long(folder: Path, ground: Ground, images: int) -> list[Row]:
    scans, few, output = folder / "scans", folder / "few", folder / "out.jsonl"
    _fill(scans, images, _TINY_BYTES)
    _fill(few, _FEW, _TINY_BYTES)
    start = run_python(*_command(ground, few, folder / "few.jsonl"))
    begun = time.perf_counter()
    first = run_python(*_command(ground, scans, output))
    wall_s = time.perf_counter() - begun
    again = run_python(*_command(ground, scans, output))
    return [
        _row(f"{images:,} images: peak MB", first.peak_bytes / 1e6, 150),
        _row(f"{images:,} images: CPU ms an image", (first.cpu_s - start.cpu_s) * 1000 / images, None),
        _row(f"{images:,} images: images/s", images / wall_s, None),
        _row(f"{images:,} images: journal in GB", output.stat().st_size / 1e9, None),
        _row(f"{images:,} images: CPU s of resuming when all are done", again.cpu_s - start.cpu_s, 5),
        _row(f"{images:,} images: peak MB of resuming", again.peak_bytes / 1e6, 150),
    ]


def _row(what: str, value: float, target: float | None) -> Row:
    return {"what": what, "measured": value, "target": target}


def _fill(folder: Path, images: int, size: int) -> None:
    """Make a folder of images, most of them links to a few files."""
    folder.mkdir(parents=True)
    files = [folder / f"{number:07}.jpg" for number in range(images)]
    for file, content in zip(files, fake_jpegs(min(_INODES, images), size), strict=False):
        file.write_bytes(content)
    for number, file in enumerate(files[_INODES:]):
        file.hardlink_to(files[number % _INODES])


def _command(ground: Ground, folder: Path, output: Path) -> list[str | Path]:
    service = ("--endpoint", ground.target, "--root-certificates", ground.roots, "--folder-id", FOLDER_ID)
    return [*PROGRAM, "analyze", *service, "-o", output, folder]


def _in_python(ground: Ground, folder: Path, output: Path) -> list[str | Path]:
    return ["-m", f"{__package__}.journalled", "--target", ground.target, "--roots", ground.roots, folder, output]
