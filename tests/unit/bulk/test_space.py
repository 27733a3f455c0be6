"""Space for results, which is looked at before more is sent."""

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from images_in_bytes import png
from journaled import SETTINGS
from scripted_service import Service, answer

from vision_grpc import Limits, VisionClient
from vision_grpc.bulk import run
from vision_grpc.bulk.flight import Flight
from vision_grpc.bulk.journal import Journal, JournalError
from vision_grpc.bulk.progress import Progress
from vision_grpc.bulk.run import BulkRun
from vision_grpc.bulk.sink import Sent
from vision_grpc.bulk.space import LEAST_BYTES, check_space
from vision_grpc.bulk.text_folder import TextFolder, TextFolderError
from vision_grpc.results import ImageResult
from vision_grpc.sources.fit import Change
from vision_grpc.sources.item import Item
from vision_grpc.testing import MemoryTransport

_BLOCK = 1024


def have_free(monkeypatch: pytest.MonkeyPatch, size: int, *, blocks: int = 1_000_000) -> None:
    disk = SimpleNamespace(f_frsize=_BLOCK, f_bavail=size // _BLOCK, f_bfree=size // _BLOCK, f_blocks=blocks)
    monkeypatch.setattr(os, "statvfs", lambda _: disk)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    yield fd
    os.close(fd)


def test_a_disk_that_is_nearly_full_is_full(monkeypatch: pytest.MonkeyPatch, file: int, tmp_path: Path) -> None:
    for place in (file, os.fsencode(tmp_path)):
        have_free(monkeypatch, LEAST_BYTES)
        check_space(place)
        have_free(monkeypatch, LEAST_BYTES - _BLOCK)
        with pytest.raises(OSError, match="No space left") as caught:
            check_space(place)
        assert caught.value.errno == errno.ENOSPC
        have_free(monkeypatch, 0, blocks=0)
        check_space(place)


def test_the_largest_file_that_is_allowed_counts(monkeypatch: pytest.MonkeyPatch, file: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (LEAST_BYTES + 10, LEAST_BYTES + 10))
    os.truncate(file, 10)
    check_space(file)
    os.truncate(file, 11)
    with pytest.raises(OSError, match="File too large"):
        check_space(file)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    check_space(file)


def test_pipes_and_devices_need_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    have_free(monkeypatch, 0)
    reading, writing = os.pipe()
    try:
        check_space(writing)
        os.set_blocking(reading, False)
        with pytest.raises(BlockingIOError):
            os.read(reading, 1)  # Nothing was written.
    finally:
        os.close(reading)
        os.close(writing)


def test_journals_and_folders_of_texts_say_so_in_their_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Journal.open(tmp_path / "out.jsonl", SETTINGS) as journal:
        folder = TextFolder(tmp_path / "texts")
        journal.check_space()
        folder.check_space()
        have_free(monkeypatch, 0)
        with pytest.raises(JournalError, match=r"out\.jsonl: cannot be written: the disk is full; free some space$"):
            journal.check_space()
        with pytest.raises(TextFolderError, match=r"texts: cannot be written: the disk is full; free some space$"):
            folder.check_space()


def item(number: int) -> Item:
    return Item(f"{number}", lambda _: png(number))


class Shelf:
    """A sink that has space as long as it keeps less than `most`, and some for what is in flight then."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.kept = 0

    def write(self, result: ImageResult, sent: Sent, change: Change | None) -> None:
        assert (sent.item.key, change) == (result.key, None)
        self.kept += 1

    def check_space(self) -> None:
        if self.kept >= self._most:
            raise OSError(errno.ENOSPC, "full")


@pytest.mark.parametrize("most", [0, 100])
@pytest.mark.parametrize("is_slow", [False, True], ids=["in place", "read ahead"])
def test_nothing_is_sent_without_space_and_what_is_in_flight_is_kept(
    most: int, monkeypatch: pytest.MonkeyPatch, *, is_slow: bool
) -> None:
    monkeypatch.setattr(run, "LOOK_EVERY_S", 0.0)
    shelf, service, flight = Shelf(most), Service(answer), Flight()
    transport = MemoryTransport(service.in_memory())
    with VisionClient(transport=transport, limits=Limits(calls_in_flight=2), on_event=flight) as client:
        bulk = BulkRun(client, map(item, range(1_000)), shelf, Progress(0.0), is_slow=is_slow, flight=flight)
        with pytest.raises(OSError, match="full"):
            list(bulk.results())
    sent = sum(len(request.analyze_specs) for request in service.requests)
    assert most <= shelf.kept < most + 100
    assert (sent, bulk.unwritten) == (shelf.kept, 0)


def test_answers_that_the_sink_does_not_take_are_counted() -> None:
    class Full(Shelf):
        def write(self, result: ImageResult, sent: Sent, change: Change | None) -> None:
            if self.kept == 3:
                raise OSError(errno.ENOSPC, "full")
            super().write(result, sent, change)

    flight = Flight()
    with VisionClient(transport=MemoryTransport(answer), on_event=flight) as client:
        bulk = BulkRun(client, map(item, range(8)), Full(100), Progress(0.0), flight=flight)
        with pytest.raises(OSError, match="full"):
            list(bulk.results())
    assert bulk.unwritten == flight.answered - 3 > 0
