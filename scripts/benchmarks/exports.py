"""What exports of a journal cost, over what decoding its pages costs: CPU a page and peak memory.

Pages are decoded from base64 and parsed, as they are in a journal, or read by `from_json`; the files are read for
neither. An export reads the journal twice, because of a key the last result counts, and starts with the interpreter.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import pybase64

from vision_grpc import from_json, to_json
from vision_grpc.bulk.journal import LineWriter
from vision_grpc.exports import KINDS
from vision_grpc.messages import AnalyzeResult
from vision_grpc.results import ImageResult
from vision_grpc.results.outcomes import WireOutcome

from .answers import text_page
from .program import PROGRAM, run_python
from .table import Row, report

_FEW = 8
"""A journal of so many pages shows what it costs to start and to end."""
_KEY = b"0123456"
_DECODED = 200
_KINDS = [name for name, kind in KINDS.items() if not kind.needs_pictures]
_USUAL = ("txt", "markdown", "tsv", "csv", "words", "hocr", "parquet")
# How much an export may cost, over base64 and parsing, and over `from_json`.
_TARGETS = {"txt": (0.1, None), "markdown": (None, None), "tsv": (None, 2), "parquet": (None, 2)}
_MOST_MB = 150


def main(argv: Sequence[str]) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="bench.py export", description=__doc__)
    says = f"of {', '.join(_KINDS)}; {', '.join(_USUAL)} if none is named"
    parser.add_argument("kinds", nargs="*", metavar="FORMAT", help=says)
    parser.add_argument("--pages", type=int, default=5000, help="in the journal (%(default)s)")
    parser.add_argument("--words", type=int, default=300, help="on each page (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="%(default)s")
    parser.add_argument("--json", metavar="FILE", help="- for standard output")
    options = parser.parse_args(argv)
    # Not by `choices`, which would refuse that none is named.
    if others := set(options.kinds) - set(_KINDS):
        parser.error(f"{', '.join(others)} cannot be measured here, only {', '.join(_KINDS)}")
    answer = text_page(options.words)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        many, few = Path(scratch, "many.jsonl"), Path(scratch, "few.jsonl")
        for journal, pages in ((many, options.pages), (few, _FEW)):
            _write_journal(journal, answer, pages)
        for kind in options.kinds or _USUAL:
            rows += _measure(kind, (many, few), answer, pages=options.pages, rounds=options.rounds)
    report(rows, options.json)


def _measure(kind: str, journals: tuple[Path, Path], answer: AnalyzeResult, *, pages: int, rounds: int) -> list[Row]:
    many, few = journals
    output = many.with_name(f"out{KINDS[kind].suffix}")
    exports, parses, reads, peaks = list[float](), list[float](), list[float](), list[int]()
    for _ in range(rounds):
        long, short = (
            run_python(*PROGRAM, "export", "--to", kind, "-o", output, journal, "--quiet") for journal in (many, few)
        )
        exports.append((long.cpu_s - short.cpu_s) / (pages - _FEW))
        peaks.append(long.peak_bytes)
        parses.append(_parse_s(answer))
        reads.append(_read_s(answer))
        output.unlink()
        print(
            f"{kind}: {exports[-1] * 1e6:.1f} us a page, base64 and parsing {parses[-1] * 1e6:.1f}, "
            f"from_json {reads[-1] * 1e6:.1f}",
            file=sys.stderr,
        )
    over_parse, over_read = _TARGETS.get(kind, (None, None))
    return [
        _row(f"{kind}: CPU us a page", median(exports) * 1e6, None),
        _row(f"{kind}: CPU over base64 and parsing", _ratio(exports, parses), over_parse),
        _row(f"{kind}: CPU over from_json", _ratio(exports, reads), over_read),
        _row(f"{kind}: peak MB", max(peaks) / 1e6, _MOST_MB),
    ]


def _write_journal(path: Path, answer: AnalyzeResult, pages: int) -> None:
    """Write a journal of one page under many keys."""
    outcome = WireOutcome(answer.SerializeToString(), has_error=False)
    result = ImageResult(f"scans/{_KEY.decode()}.png", outcome, attempts=1, transport="grpc", request_id="r-1")
    line = LineWriter().render(result, finished_at=time.time())
    before, key, after = line.partition(_KEY)
    with path.open("wb") as file:
        for number in range(pages):
            file.write(before + f"{number:0{len(key)}}".encode() + after)


def _parse_s(answer: AnalyzeResult) -> float:
    # Each a copy of its own, as lines are.
    encoded = [pybase64.b64encode(answer.SerializeToString()).decode() for _ in range(_DECODED)]
    return _cpu_s(lambda: [AnalyzeResult.FromString(pybase64.b64decode(each, validate=True)) for each in encoded])


def _read_s(answer: AnalyzeResult) -> float:
    json = to_json(answer)
    return _cpu_s(lambda: [from_json(json, AnalyzeResult) for _ in range(_DECODED)])


def _cpu_s(decode: Callable[[], object]) -> float:
    begun = time.process_time()
    decode()
    return (time.process_time() - begun) / _DECODED


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return median(mine / other for mine, other in zip(ours, theirs, strict=True))


def _row(what: str, value: float, target: float | None) -> Row:
    return {"what": what, "measured": value, "target": target}
