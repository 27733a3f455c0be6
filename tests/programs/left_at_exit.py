"""Begins a stream, prints `begun`, and ends without finishing it, in the way that the last argument names.

Arguments: the endpoint, the kind of client (`sync` or `asyncio`), the transport, and the way.
"""

import asyncio
import atexit
import logging
import signal
import sys
import threading
from contextlib import suppress
from itertools import count
from typing import Any, Protocol

from images_in_bytes import png

_LONGEST_S = 20


class _Reader(Protocol):
    """A client with a stream."""

    def next(self) -> bool: ...
    def analyze(self) -> bool: ...
    def close(self) -> None: ...


class _SyncReader:
    def __init__(self, endpoint: str, transport: Any) -> None:  # noqa: ANN401 - one of the choices
        from vision_grpc import VisionClient

        self.client = VisionClient(endpoint, insecure=True, transport=transport)
        self.results = self.client.analyze_many(map(png, count()))

    def next(self) -> bool:
        return next(self.results).ok

    def analyze(self) -> bool:
        return self.client.analyze(png(1)).ok

    def close(self) -> None:
        self.client.close()


class _LoopReader:
    def __init__(self, endpoint: str, transport: Any) -> None:  # noqa: ANN401 - one of the choices
        from vision_grpc import AsyncVisionClient

        self.loop = asyncio.new_event_loop()
        self.client = AsyncVisionClient(endpoint, insecure=True, transport=transport)
        self.results = self.client.analyze_many(map(png, count()))

    def next(self) -> bool:
        async def read() -> bool:
            return (await anext(self.results)).ok

        return self.loop.run_until_complete(read())

    def analyze(self) -> bool:
        async def call() -> bool:
            return (await self.client.analyze(png(1))).ok

        return self.loop.run_until_complete(call())

    def close(self) -> None:
        self.loop.run_until_complete(self.client.aclose())


class _Late:
    """Uses a client when the interpreter collects this, which is at its end."""

    def __init__(self, reader: _Reader) -> None:
        self.reader = reader
        self.itself = self

    def __del__(self) -> None:
        for use in (self.reader.next, self.reader.analyze):
            try:
                while use():  # Results that have come already are there.
                    pass
            except RuntimeError as error:
                sys.stdout.write("refused\n" if "the interpreter is ending" in str(error) else f"{error}\n")
        self.reader.close()
        sys.stdout.flush()


def _read_on(reader: _Reader, begun: threading.Event) -> None:
    while reader.next():
        begun.set()


def main() -> None:
    endpoint, kind, transport, way = sys.argv[1:]
    logging.disable()
    if way == "held":
        import held_locks

        held_locks.prepare()
    reader: _Reader = _SyncReader(endpoint, transport) if kind == "sync" else _LoopReader(endpoint, transport)
    if way == "thread":
        begun = threading.Event()
        threading.Thread(target=_read_on, args=(reader, begun), daemon=True).start()
        assert begun.wait(_LONGEST_S)
    else:
        assert reader.next()
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    if way == "cycle":
        cycle: list[object] = [reader]
        cycle.append(cycle)
        return
    global _kept  # noqa: PLW0603 - what this is about
    _kept = _Late(reader) if way == "finalizer" else reader
    if way == "atexit":
        atexit.register(reader.next)
    if way == "exception":
        raise ValueError
    if way == "exit":
        sys.exit(3)
    if way == "interrupt":
        with suppress(AttributeError):
            signal.raise_signal(signal.SIGINT)


_kept: object = None
if __name__ == "__main__":
    main()
