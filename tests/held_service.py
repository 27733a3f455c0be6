"""A local service that reads nothing before it may, and what runs against it leave in journals."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from command_line import lines_of
from commands_here import Run

from vision_grpc.bulk.journal import read_journal
from vision_grpc.local import LocalVision
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import Page, Polygon, TextAnnotation, Vertex

_PATIENCE_S = 60.0


class HeldService:
    """The service; `seen` has what it was sent."""

    def __init__(self) -> None:
        self.may_read = threading.Event()
        self.seen: list[bytes] = []
        self.page_size = (30, 40)
        self.failure: Exception | None = None
        self.vision = LocalVision(engine=ScriptedEngine(self._read))
        self.options = ("--api", "ocr/v1", "--deferred", *self.there)

    @property
    def there(self) -> tuple[str, ...]:
        return "--endpoint", self.vision.grpc_endpoint, "--insecure"

    def _read(self, content: bytes) -> TextAnnotation | Exception:
        self.seen.append(content)
        assert self.may_read.wait(_PATIENCE_S)
        if self.failure is not None:
            return self.failure
        width, height = self.page_size
        corners = [Vertex(x=x, y=y) for x, y in ((0, 0), (width, 0), (width, height), (0, height))]
        annotation = TextAnnotation(pages=[Page(width=width, height=height)])
        line = annotation.pages[0].blocks.add(bounding_box=Polygon(vertices=corners)).lines.add()
        line.words.add(text=f"{len(content)} bytes", bounding_box=Polygon(vertices=corners))
        return annotation

    def forget(self) -> None:
        self.seen.clear()


@contextmanager
def serve_held() -> Iterator[HeldService]:
    service = HeldService()
    with service.vision:
        yield service
        service.may_read.set()


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def accepted_in(journal: Path) -> int:
    return sum(line["ok"] is None for line in lines_of(journal)) if journal.exists() else 0


def lose_results(journal: Path, change: Callable[[dict[str, Any]], None] = lambda _: None) -> list[dict[str, Any]]:
    """Leave of a journal what a run has written that was killed before its first result."""
    first, *lines = journal.read_bytes().splitlines()
    accepted = [line for line in map(json.loads, lines) if line.get("operation") and line["ok"] is None]
    for line in accepted:
        change(line)
    journal.write_bytes(b"\n".join([first, *(json.dumps(line).encode() for line in accepted)]) + b"\n")
    return accepted


def read_in(journal: Path) -> dict[str, str]:
    """Return the texts of a journal by their keys; the last line of a key counts."""
    return {line.key: line.text for line in read_journal(journal, last_only=True) if line.ok}


def begin(here: Run, service: HeldService, *arguments: str) -> list[dict[str, Any]]:
    """Let a run send images, and lose its results."""
    service.may_read.set()
    finished = here("analyze", *service.options, *arguments, "-o", "out.jsonl")
    assert finished.code == 0, finished.stderr
    service.forget()
    return lose_results(Path("out.jsonl"))
