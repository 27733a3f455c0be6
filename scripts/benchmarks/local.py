"""What the local service costs and how it shares its threads.

CPU over a bare grpc.aio server that parses requests and answers ready bytes; pages a second over bare Tesseract on as
many threads; latencies of 64 calls at once, and of a small picture behind four calls of eight pages.
"""

import argparse
import io
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from os import environ, sched_getaffinity
from pathlib import Path
from statistics import median

from PIL import Image
from tesserocr import PyTessBaseAPI

from vision_grpc.local.ocr.tessdata import find_tessdata
from vision_grpc.messages import BatchAnalyzeRequest

from .ground import Process
from .local_calls import JPEG, Call, over_grpc, over_rest, request_of
from .table import Row, report

_PAGE = Path(__file__).parents[2] / "tests" / "data" / "pages" / "en_sans.png"
_CALLERS = 64


def main(argv: Sequence[str]) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="bench.py local", description=__doc__)
    parser.add_argument("--calls", type=int, default=100, help="calls a turn (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (%(default)s)")
    parser.add_argument("--only", choices=["cost", "reading"], help="measure the half")
    parser.add_argument("--json", metavar="FILE", help="- for standard output")
    options = parser.parse_args(argv)
    rows: list[Row] = []
    if options.only != "reading":
        rows += _own_cost(options.calls, options.rounds)
    if options.only != "cost":
        rows += _reading(options.rounds)
    report(rows, options.json)


def _own_cost(calls: int, rounds: int) -> list[Row]:
    """Return CPU over the bare server's, and milliseconds a small call, with an engine that reads nothing."""
    rows: list[Row] = []
    with ExitStack() as stack:
        bare, ours = (stack.enter_context(Process("local_server", kind)) for kind in ("bare", "scripted"))
        floor = over_grpc(json.loads(bare.hear())["grpc"], stack)
        endpoints = json.loads(ours.hear())
        faces = {"gRPC": over_grpc(endpoints["grpc"], stack), "REST": over_rest(endpoints["rest"], stack)}
        for size, content in (("8 x 200 KB", JPEG + bytes(200_000)), ("8 tiny", JPEG)):
            request = request_of(content)
            turns = [
                {"": _cpu_s(bare, floor, request, calls)}
                | {name: _cpu_s(ours, face, request, calls) for name, face in faces.items()}
                for _ in range(rounds + 1)
            ][1:]
            rows += [
                _row(f"CPU of {size}, {name}, over a bare server", median(turn[name] / turn[""] for turn in turns))
                for name in faces
            ]
        small = request_of(JPEG, 1)
        for name, face in {"bare gRPC": floor, **faces}.items():
            latency_s = median(_seconds(face, small) for _ in range(calls))
            rows.append(_row(f"ms of a small call, {name}, on a kept connection", latency_s * 1000))
    return rows


def _reading(rounds: int) -> list[Row]:
    """Return how pages are read: fast, and by turns."""
    threads = len(sched_getaffinity(0))
    content = _PAGE.read_bytes()
    speeds: list[float] = []
    waits: list[tuple[float, float]] = []
    small_waits: list[float] = []
    with ExitStack() as stack:
        service = stack.enter_context(Process("local_server", "tesseract"))
        call = over_grpc(json.loads(service.hear())["grpc"], stack)
        readers = [stack.enter_context(_bare_reader()) for _ in range(threads)]
        callers = stack.enter_context(ThreadPoolExecutor(_CALLERS))
        small = _small_picture()
        for turn in range(rounds + 1):
            bare_s = _bare_seconds(readers, content, _CALLERS)
            started = [time.perf_counter()] * _CALLERS
            latencies = sorted(callers.map(partial(_seconds, call, request_of(content, 1)), started))
            pages = [callers.submit(call, request_of(content)) for _ in range(4)]
            time.sleep(0.2)
            small_s = _seconds(call, request_of(small, 1))
            for page in pages:
                page.result()
            if turn:  # The first one loads models.
                speeds.append(bare_s / latencies[-1])
                waits.append((latencies[_CALLERS // 2] / bare_s, latencies[-1] / bare_s))
                small_waits.append(small_s / (bare_s * threads / _CALLERS))
    return [
        _row(f"pages a second over bare Tesseract, {threads} threads", median(speeds)),
        _row(f"{_CALLERS} calls at once: p50 over what reading all takes", median(p50 for p50, _ in waits)),
        _row(f"{_CALLERS} calls at once: p99 over what reading all takes", median(p99 for _, p99 in waits)),
        _row("a small picture behind 4 x 8 pages, in times of a page", median(small_waits)),
    ]


def _row(what: str, value: float) -> Row:
    return {"what": what, "value": value}


def _cpu_s(process: Process, call: Call, request: BatchAnalyzeRequest, calls: int) -> float:
    before = _spent_s(process)
    for _ in range(calls):
        call(request)
    return _spent_s(process) - before


def _spent_s(process: Process) -> float:
    process.tell("")
    return float(json.loads(process.hear())["cpu_s"])


def _seconds(call: Call, request: BatchAnalyzeRequest, started: float | None = None) -> float:
    begin = time.perf_counter() if started is None else started
    call(request)
    return time.perf_counter() - begin


def _bare_reader() -> PyTessBaseAPI:
    return PyTessBaseAPI(path=str(find_tessdata(environ)), lang="eng")


def _bare_seconds(readers: Sequence[PyTessBaseAPI], content: bytes, pages: int) -> float:
    def read(reader: PyTessBaseAPI) -> None:
        for _ in range(pages // len(readers)):
            reader.SetImage(Image.open(io.BytesIO(content)))  # pyright: ignore[reportUnknownMemberType]
            reader.Recognize()
            reader.GetUTF8Text()

    started = time.perf_counter()
    with ThreadPoolExecutor(len(readers)) as pool:
        list(pool.map(read, readers))
    return time.perf_counter() - started


def _small_picture() -> bytes:
    file = io.BytesIO()
    with Image.open(_PAGE) as page:
        page.crop((0, 0, page.width // 2, page.height // 12)).save(file, "PNG")
    return file.getvalue()
