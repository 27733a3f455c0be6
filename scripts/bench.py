#!/usr/bin/env python3
"""Measure what the client costs, and print it as a table.

    scripts/bench.py [stream]    CPU of each way to stream images, over that of bare gRPC calls
    scripts/bench.py memory      peak memory of long streams
    scripts/bench.py latency     images per second against a service that is slow to answer
    scripts/bench.py import      CPU of importing the package
    scripts/bench.py json        CPU of messages to JSON and back, that of protobuf's json_format over ours
    scripts/bench.py results     CPU of reading pages through views, over that of messages; plain values, pickles
    scripts/bench.py rest        CPU of streaming over REST, over that of http.client; memory beside gRPC
    scripts/bench.py cli         CPU of the command line over the library's; memory and resuming of long runs; its start
    scripts/bench.py export      CPU of exports of a journal, over that of decoding its pages; their memory
    scripts/bench.py local       CPU of the local service over a bare server's, its speed over Tesseract's, its turns
    scripts/bench.py soak        memory, threads and descriptors of the local service over thousands of calls
    scripts/bench.py quota       what clients make of a quota that they do not know, in virtual time
    scripts/bench.py engines     CPU of images by analyze_batches, Ray Data and Spark, over that of the asyncio client
    scripts/bench.py ocr         what the local service reads wrongly on pages of all kinds, and its CPU

Each takes --help. A benchmark reports: nothing here passes or fails.
"""

import sys
from importlib import import_module

_MODULES = {
    "stream": "benchmarks.stream",
    "memory": "benchmarks.memory",
    "latency": "benchmarks.latency",
    "import": "benchmarks.imports",
    "json": "benchmarks.json_codec",
    "results": "benchmarks.results",
    "rest": "benchmarks.rest",
    "cli": "benchmarks.cli",
    "export": "benchmarks.exports",
    "local": "benchmarks.local",
    "soak": "benchmarks.soak",
    "quota": "benchmarks.quota",
    "engines": "benchmarks.engines",
    "ocr": "benchmarks.ocr",
}


def main() -> None:
    """Run the benchmark that the first argument names."""
    name, argv = "stream", sys.argv[1:]
    if argv and argv[0] in {"-h", "--help"}:
        print(__doc__)
        return
    if argv and not argv[0].startswith("-"):
        name, *argv = argv
    if name not in _MODULES:
        sys.exit(f"there is no benchmark {name}, only {', '.join(_MODULES)}")
    import_module(_MODULES[name]).main(argv)


if __name__ == "__main__":
    main()
