"""A task that is run again takes what its earlier attempt was answered."""

import logging
import multiprocessing
import os
import resource
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import time
from typing import Any

import pyarrow as pa
import pytest
from images_in_bytes import png

from vision_grpc import Limits
from vision_grpc.aio import AsyncVisionClient
from vision_grpc.arrow import Detail
from vision_grpc.arrow.analysis.analysis import Analysis
from vision_grpc.arrow.analysis.analyzed import AnalyzedBatches
from vision_grpc.arrow.analysis.answer_folder import AnswerFolders
from vision_grpc.arrow.analysis.digest import Digest
from vision_grpc.arrow.analysis.kept_answers import say_not_kept
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse, Status
from vision_grpc.testing import Answers, AsyncMemoryTransport

_FILE = "vision-grpc-answers-job-1-0"
_IMAGES = 40
_DETAILS: list[Detail] = ["text", "words", "wire"]


@pytest.fixture(autouse=True)
def _logged_anew() -> None:
    say_not_kept.cache_clear()


class _Service:
    """Counts the images that it is sent, and ends the process or fails after some."""

    def __init__(self, *, dies_after: int = 10**6, fails: Sequence[int] = ()) -> None:
        self.images = 0
        self._dies_after = dies_after
        self._fails = fails
        self._answers = Answers("Hello world")

    def __call__(self, request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        if self.images >= self._dies_after:
            os.kill(os.getpid(), signal.SIGKILL)
        first = self.images
        self.images += len(request.analyze_specs)
        response = self._answers(request)
        for number in self._fails:
            if first <= number < self.images:
                response.results[number - first].CopyFrom(AnalyzeResult(error=Status(code=3, message="blurred")))
        return response


def _table(numbers: Sequence[int] = range(_IMAGES)) -> Any:  # noqa: ANN401 - pyarrow has no types
    return pa.table({"image": [png(number, size=400) for number in numbers], "key": [f"key {n}" for n in numbers]})


def _attempt(
    folder: Path,
    service: _Service,
    table: Any = None,  # noqa: ANN401
    *,
    number: int = 0,
    folders: AnswerFolders | None = None,
    detail: Detail = "text",
    task: str = "job-1-0",
) -> Iterator[Any]:
    """Read a table as a task of an engine does, and yield the record batches of its results."""
    analysis = Analysis("image", "key", (), ["*"], None, detail, "row")
    client = AsyncVisionClient(transport=AsyncMemoryTransport(service), limits=Limits(calls_in_flight=1))
    batches = (_table() if table is None else table).to_batches()
    opened = (folders or AnswerFolders()).kept(folder, task, detail, is_repeated=number > 0)
    with opened as kept:
        yield from AnalyzedBatches(analysis, batches, client, Limits(), kept)


def _rows(batches: Iterator[Any]) -> list[dict[str, object]]:
    return [row for batch in batches for row in batch.to_pylist()]


def _killed(folder: Path, detail: Detail, dies_after: int) -> None:
    """Run an attempt in a process that is killed while the service has a call."""
    process = multiprocessing.get_context("spawn").Process(target=_die, args=(folder, detail, dies_after))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def _die(folder: Path, detail: Detail, dies_after: int) -> None:
    [*_attempt(folder, _Service(dies_after=dies_after), detail=detail)]


@pytest.mark.parametrize("detail", _DETAILS)
def test_a_killed_process_costs_the_calls_under_way(tmp_path: Path, detail: Detail) -> None:
    expected = _rows(_attempt(tmp_path, _Service(), detail=detail, task="another"))
    _killed(tmp_path, detail, 16)
    service = _Service()
    rows = _rows(_attempt(tmp_path, service, number=1, detail=detail))
    assert [dict(row, request_id=None) for row in rows] == [dict(row, request_id=None) for row in expected]
    assert service.images == _IMAGES - 16
    again = _Service()
    assert _rows(_attempt(tmp_path, again, number=2, detail=detail)) == rows
    assert again.images == 0


def test_the_first_attempt_reads_anew(tmp_path: Path) -> None:
    _rows(_attempt(tmp_path, _Service()))
    service = _Service()
    _rows(_attempt(tmp_path, service))
    assert service.images == _IMAGES


def test_the_order_of_rows_does_not_matter_and_their_content_does(tmp_path: Path) -> None:
    _rows(_attempt(tmp_path, _Service()))
    service = _Service()
    table = _table([5, 100, 3, 3])
    swapped = pa.table({"image": table["image"], "key": ["key 5", "key 100", "key 3", "key 4"]})
    rows = _rows(_attempt(tmp_path, service, swapped, number=1))
    assert [(row["key"], row["text"]) for row in rows] == [(f"key {n}", "Hello world") for n in (5, 100, 3, 4)]
    # The one that is new, and the one that has another key.
    assert service.images == 2


def test_an_image_that_failed_is_asked_about_again(tmp_path: Path) -> None:
    first = _rows(_attempt(tmp_path, _Service(fails=[3])))
    assert [row["key"] for row in first if not row["ok"]] == ["key 3"]
    service = _Service()
    assert all(row["ok"] for row in _rows(_attempt(tmp_path, service, number=1)))
    assert service.images == 1


def test_an_image_that_is_too_large_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    digest = Digest.__call__

    def note(self: Digest, key: str, content: bytes) -> bytes:
        sizes.append(len(content))
        return digest(self, key, content)

    monkeypatch.setattr(Digest, "__call__", note)
    table = pa.table({"image": [png(0), bytes(2_000_000), b"", None], "key": [*"abcd"]})
    rows = _rows(_attempt(tmp_path, _Service(), table))
    assert [row["ok"] for row in rows] == [True, False, False, False]
    assert sizes == [len(png(0))]


@pytest.mark.parametrize("form", ["struct", "places"])
def test_files_are_known_by_their_content(tmp_path: Path, form: str) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        path.write_bytes(png(number))
    images = [str(path) if form == "places" else {"bytes": None, "path": str(path)} for path in [*paths, "none.png"]]
    table = pa.table({"image": images, "key": [*"abcd"]})
    first = _rows(_attempt(tmp_path, _Service(), table))
    paths[1].write_bytes(png(7))
    service = _Service()
    rows = _rows(_attempt(tmp_path, service, table, number=1))
    assert [row["text"] for row in rows] == [row["text"] for row in first] == [*["Hello world"] * 3, None]
    assert service.images == 1


def test_a_record_that_was_cut_is_asked_about_again_and_others_follow_it(tmp_path: Path) -> None:
    _rows(_attempt(tmp_path, _Service()))
    file = tmp_path / _FILE
    os.truncate(file, file.stat().st_size - 5)
    for expected in (1, 0):
        service = _Service()
        assert len(_rows(_attempt(tmp_path, service, number=1))) == _IMAGES
        assert service.images == expected


def test_a_record_that_was_altered_is_asked_about_again(tmp_path: Path) -> None:
    _rows(_attempt(tmp_path, _Service()))
    file = tmp_path / _FILE
    content = file.read_bytes()
    file.write_bytes(content.replace(b"Hello world", b"Hallo Welt!", 1))
    service = _Service()
    rows = _rows(_attempt(tmp_path, service, number=1))
    assert {row["text"] for row in rows} == {"Hello world"}
    assert service.images == 1
    # What does not look like a record hides those after it.
    file.write_bytes(b"?" + content[1:])
    service = _Service()
    _rows(_attempt(tmp_path, service, number=1))
    assert service.images == _IMAGES


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def _faults(folder: Path, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what is said to be wrong with a folder."""
    return [warning.partition(f"{folder}: ")[2].partition(";")[0] for warning in _warnings(caplog)]


def test_without_a_folder_it_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "file"
    folder.touch()
    for task in ("job-1-0", "job-1-1"):
        assert len(_rows(_attempt(folder, _Service(), task=task))) == _IMAGES
    [warning] = _warnings(caplog)
    assert warning == (
        f"answers are not kept, so a task that is run again is billed again: {folder}: Not a directory; "
        "or give a tape by cache="
    )


def test_a_full_disk_ends_keeping_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, unlimited[1]))
    try:
        rows = _rows(_attempt(tmp_path, _Service()))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert len(rows) == _IMAGES
    assert _faults(tmp_path, caplog) == ["No space left on device"]
    whole = (tmp_path / _FILE).read_bytes().count(b"Hello world")
    service = _Service()
    _rows(_attempt(tmp_path, service, number=1))
    assert 0 < whole == _IMAGES - service.images


def test_the_last_of_a_disk_is_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(total=100 << 30, free=(1 << 30) - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert len(_rows(_attempt(tmp_path, _Service()))) == _IMAGES
    assert _faults(tmp_path, caplog) == ["less than a tenth of the disk, and less than 1 GB, is free"]


@pytest.mark.parametrize("kind", ["readable by others", "a link", "a folder", "a pipe"])
def test_what_is_not_a_file_of_this_user_alone_is_left_alone(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    file, other = tmp_path / _FILE, tmp_path / "other"
    other.write_bytes(b"precious")
    match kind:
        case "readable by others":
            file.write_bytes(b"theirs")
            file.chmod(0o644)
        case "a link":
            file.symlink_to(other)
        case "a folder":
            file.mkdir()
        case _:
            os.mkfifo(file, 0o644)
    assert len(_rows(_attempt(tmp_path, _Service()))) == _IMAGES
    assert len(_warnings(caplog)) == 1
    assert other.read_bytes() == b"precious"


def test_a_file_of_another_user_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _rows(_attempt(tmp_path, _Service()))
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    service = _Service()
    _rows(_attempt(tmp_path, service, number=1))
    assert service.images == _IMAGES
    assert _faults(tmp_path, caplog) == ["there is something that is not a file of this user alone"]


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    _rows(_attempt(tmp_path, _Service()))
    assert (tmp_path / _FILE).stat().st_mode & 0o777 == 0o600


def test_a_file_is_removed_when_the_next_task_begins(tmp_path: Path) -> None:
    folders = AnswerFolders()
    # A task may read several partitions, and fail after the last one.
    for _ in range(2):
        _rows(_attempt(tmp_path, _Service(), folders=folders))
        assert [path.name for path in tmp_path.iterdir()] == [_FILE]
    _rows(_attempt(tmp_path, _Service(), folders=folders, task="job-1-1"))
    assert [path.name for path in tmp_path.iterdir()] == [f"{_FILE[:-1]}1"]


def test_the_file_of_a_task_that_was_not_read_to_its_end_stays(tmp_path: Path) -> None:
    folders = AnswerFolders()
    batches = _attempt(tmp_path, _Service(), pa.concat_tables([_table(), _table()]), folders=folders)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    _rows(_attempt(tmp_path, _Service(), folders=folders, task="job-1-1"))
    assert len([*tmp_path.iterdir()]) == 2


def test_files_that_nobody_has_written_to_for_long_are_removed(tmp_path: Path) -> None:
    ages_h = {"vision-grpc-answers-old-3-7": 7, "vision-grpc-answers-young-3-8": 5, "shuffle_0_1.data": 100}
    for name, age_h in ages_h.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time() - age_h * 3600,) * 2)
    _rows(_attempt(tmp_path, _Service()))
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"vision-grpc-answers-young-3-8", "shuffle_0_1.data", _FILE}


def test_an_old_file_that_cannot_be_removed_is_not_in_the_way(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old = tmp_path / "vision-grpc-answers-old-3-7"
    old.mkdir()  # As good as a file of another user.
    os.utime(old, (0, 0))
    _rows(_attempt(tmp_path, _Service()))
    assert _warnings(caplog) == []
    assert {path.name for path in tmp_path.iterdir()} == {old.name, _FILE}


def test_the_digest_is_of_key_and_content() -> None:
    digest, content = Digest("job-1-0"), bytes(range(256)) * 20
    altered = [content[:at] + b"?" + content[at + 1 :] for at in (1, 2500, 5000)]
    digests = [digest("key", each) for each in [content, content + b"\0", *altered, b"", b"\0"]]
    digests += [digest("other", content), digest("\udce9", content)]
    assert len({*digests}) == len(digests)
    assert digest("key", bytes(content)) == digests[0] != Digest("job-1-1")("key", content)
