"""Operations that outlive the process: fetched by the next run. The service is the local one."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command_line import PROGRAM_ON_A_FULL_DISK, finish, lines_of, run, start
from commands_here import Run, runner
from documents import PdfPage, make_pdf, text
from held_service import HeldService, accepted_in, begin, lose_results, read_in, serve_held, wait_until
from images_in_bytes import number_in, png, write_images
from PIL import Image

from vision_grpc.bulk.journal import read_journal
from vision_grpc.bulk.operations import KEPT_S
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local import LocalVision

if TYPE_CHECKING:
    import subprocess

_TWELVE = "one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905


@pytest.fixture
def service() -> Iterator[HeldService]:
    with serve_held() as service:
        yield service


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    return runner(monkeypatch, capfdbinary)


def test_nothing_is_sent_twice_after_a_kill_with_fifty_pending(service: HeldService, tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 60)
    journal = tmp_path / "out.jsonl"
    arguments = ("analyze", *service.options, "scans", "-o", "out.jsonl")
    first = start(*arguments, "--max-images", "50", cwd=tmp_path)
    wait_until(lambda: accepted_in(journal) == 50)
    first.kill()
    assert finish(first).code == -signal.SIGKILL
    listed = run("operations", "list", "out.jsonl", cwd=tmp_path)
    assert len(listed.text.splitlines()) == 50
    service.may_read.set()
    again = run(*arguments, cwd=tmp_path)
    assert again.code == 0, again.stderr
    assert "fetched 50 results of images that earlier runs had sent" in again.complaints
    assert "billed 60 units" in again.stderr
    assert sorted(map(number_in, service.seen)) == list(range(60))
    assert sorted(read_in(journal)) == names


@pytest.fixture
def pending(service: HeldService, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A run that waits for the results of three images."""
    write_images(tmp_path / "scans", 3)
    process = start("analyze", *service.options, "scans", "-o", "out.jsonl", "--no-progress", cwd=tmp_path)
    wait_until(lambda: accepted_in(tmp_path / "out.jsonl") == 3)
    yield process
    process.kill()


def _signal(process: "subprocess.Popen[bytes]", number: signal.Signals) -> str:
    process.send_signal(number)
    assert process.stderr is not None
    return process.stderr.readline().decode()


@pytest.mark.usefixtures("uncounted_programs")
def test_the_first_signal_waits_for_what_is_accepted(
    service: HeldService, tmp_path: Path, pending: "subprocess.Popen[bytes]"
) -> None:
    said = _signal(pending, signal.SIGINT)
    expected = "waiting for 3 results of accepted images, which the next run can fetch, too; Ctrl-C again stops at once"
    assert said.strip() == expected
    service.may_read.set()
    finished = finish(pending)
    assert len(read_in(tmp_path / "out.jsonl")) == 3
    assert finished.code in {0, 130}


@pytest.mark.usefixtures("uncounted_programs")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_leaves_what_is_accepted_to_the_next_run(
    service: HeldService, tmp_path: Path, pending: "subprocess.Popen[bytes]", number: signal.Signals
) -> None:
    _signal(pending, number)
    pending.send_signal(number)
    finished = finish(pending)
    assert finished.code == 128 + number
    assert "3 images accepted and not read yet: the service keeps the results for three days" in finished.complaints
    service.may_read.set()
    again = run("analyze", *service.options, "scans", "-o", "out.jsonl", cwd=tmp_path)
    assert again.code == 0, again.stderr
    assert sorted(map(number_in, service.seen)) == [0, 1, 2]
    assert len(read_in(tmp_path / "out.jsonl")) == 3


_AWAY = ServiceError(Code.INTERNAL, "the engine is away")


@pytest.mark.parametrize("fate", ["failed", "unknown"])
def test_operations_that_came_to_nothing_are_as_if_they_had_never_been(
    here: Run, service: HeldService, tmp_path: Path, fate: str
) -> None:
    names = write_images(tmp_path / "scans", 3)
    with serve_held() as another:
        first = another if fate == "unknown" else service
        first.may_read.set()
        first.failure = _AWAY if fate == "failed" else None
        here("analyze", *first.options, "scans", "-o", "out.jsonl")
        assert len(lose_results(tmp_path / "out.jsonl")) == 3
    service.forget()
    service.failure = None
    service.may_read.set()
    finished = here("analyze", *service.options, "scans", "-o", "out.jsonl")
    assert finished.code == 0, finished.stderr
    assert "sent 3 images of earlier runs again: 3 failed or unknown at the service" in finished.complaints
    assert sorted(read_in(tmp_path / "out.jsonl")) == names
    assert len(service.seen) == 3


def test_what_failed_in_this_run_is_sent_by_the_next(here: Run, service: HeldService, tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 2)
    service.may_read.set()
    service.failure = _AWAY
    first = here("analyze", *service.options, "scans", "-o", "out.jsonl")
    assert "to send 2 images again that may succeed now" in first.stderr
    service.failure = None
    again = here("analyze", *service.options, "scans", "-o", "out.jsonl")
    assert again.code == 0, again.stderr
    assert len(service.seen) == 4


def test_a_full_disk_ends_the_run_and_what_is_on_record_is_fetched(service: HeldService, tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 20)
    arguments = ("analyze", *service.options, "scans", "-o", "out.jsonl")
    service.may_read.set()
    full = run(*arguments, "--jobs", "1", cwd=tmp_path, program=PROGRAM_ON_A_FULL_DISK)
    assert full.code in {1, 2}
    assert "out.jsonl: cannot be written" in full.errors[-1]
    assert (tmp_path / "out.jsonl").read_bytes().endswith(b"}\n")
    on_record = {line["key"] for line in lines_of(tmp_path / "out.jsonl")}
    assert 0 < len(on_record) < 20
    service.forget()
    again = run(*arguments, cwd=tmp_path)
    assert again.code == 0, again.stderr
    assert sorted(read_in(tmp_path / "out.jsonl")) == names
    assert len(service.seen) == 20 - len(on_record)


def test_a_file_that_has_changed_is_not_mixed_up(here: Run, service: HeldService, tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 3)
    begin(here, service, "scans")
    (tmp_path / names[1]).write_bytes(png(7, size=99))
    finished = here("analyze", *service.options, "scans", "-o", "out.jsonl")
    assert finished.code == 0, finished.stderr
    assert "sent 1 image of earlier runs again: 1 changed since" in finished.complaints
    assert [number_in(content) for content in service.seen] == [7]
    assert read_in(tmp_path / "out.jsonl")[names[1]] == "99 bytes"


def test_the_result_of_a_file_that_has_gone_comes_all_the_same(here: Run, service: HeldService, tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 2)
    begin(here, service, *names)
    (tmp_path / names[1]).unlink()
    finished = here("analyze", *service.options, *names, "-o", "out.jsonl")
    assert finished.code == 0, finished.stderr
    assert "fetched 2 results of images that earlier runs had sent, 1 of files that cannot be read any more" in (
        finished.complaints
    )
    assert sorted(read_in(tmp_path / "out.jsonl")) == names


def test_what_was_accepted_too_long_ago_is_sent_again(here: Run, service: HeldService, tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 2)
    begin(here, service, "scans")

    def make_old(line: dict[str, Any]) -> None:
        line["accepted_at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - KEPT_S))

    lose_results(tmp_path / "out.jsonl", make_old)
    assert "expired" in here("operations", "list", "out.jsonl").text
    dry = here("analyze", *service.options, "scans", "-o", "out.jsonl", "--dry-run")
    assert "to send: 2 images" in dry.text
    finished = here("analyze", *service.options, "scans", "-o", "out.jsonl")
    assert finished.code == 0, finished.stderr
    assert "sent 2 images of earlier runs again: 2 sent more than three days ago" in finished.complaints
    assert "billed 2 units, and up to 2 more for lost answers" in finished.stderr
    assert len(service.seen) == 2


@pytest.mark.parametrize("is_gone", [False, True])
def test_boxes_are_in_the_original_s_pixels(here: Run, service: HeldService, tmp_path: Path, *, is_gone: bool) -> None:
    Image.new("L", (60, 80), 200).save(tmp_path / "page.tiff")
    service.page_size = (60, 80)
    begin(here, service, "--fit", "page.tiff")
    if is_gone:
        (tmp_path / "page.tiff").unlink()
    finished = here("analyze", *service.options, "--fit", "page.tiff", "-o", "out.jsonl")
    assert finished.code == 0, finished.stderr
    [line] = read_journal(tmp_path / "out.jsonl")
    assert line.fitted is not None
    assert line.fitted["format"] == "TIFF"
    assert service.seen == []


def test_texts_go_to_their_folder(here: Run, service: HeldService, tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 2)
    begin(here, service, "scans", "--to-folder", "texts")
    for made in (tmp_path / "texts" / "scans").iterdir():
        made.unlink()
    finished = here("analyze", *service.options, "scans", "--to-folder", "texts", "-o", "out.jsonl")
    assert finished.code == 0, finished.stderr
    assert sorted(path.name for path in (tmp_path / "texts" / "scans").iterdir()) == ["0000.txt", "0001.txt"]
    assert service.seen == []


def test_results_are_fetched_without_deferred_calls_too(here: Run, service: HeldService, tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 3)
    begin(here, service, *names[:2])
    journal = tmp_path / "out.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'["scans/0000.png","scans/0001.png"]', b'["scans"]'))
    at_once = ("--api", "ocr/v1", "--no-deferred", *service.there)
    finished = here("analyze", *at_once, "scans", "-o", "out.jsonl")
    assert finished.code == 0, finished.stderr
    assert [number_in(content) for content in service.seen] == [2]
    assert sorted(read_in(journal)) == names


def test_a_dry_run_says_what_would_be_fetched(here: Run, service: HeldService, tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 2)
    begin(here, service, "scans")
    dry = here("analyze", *service.options, "scans", "-o", "out.jsonl", "--dry-run")
    assert "to send: 0 images" in dry.text
    assert "to fetch: 2 results of images that earlier runs have sent" in dry.text
    assert "calls: deferred" in dry.text
    assert "billed: 2 units" in dry.text
    assert service.seen == []


class TestDocuments:
    """Documents of several pages, which are billed by page."""

    @pytest.fixture(autouse=True)
    def document(self, tmp_path: Path) -> None:
        (tmp_path / "doc.pdf").write_bytes(make_pdf([PdfPage(text(f"Chapter {word}")) for word in _TWELVE]))

    def test_twelve_pages_come_in_their_order_and_are_billed_each(self, here: Run, tmp_path: Path) -> None:
        with LocalVision() as vision:
            there = ("--endpoint", vision.grpc_endpoint, "--insecure")
            options = ("--api", "ocr/v1", "--deferred", "-l", "en", *there, "-o", "out.jsonl")
            finished = here("analyze", *options, "doc.pdf")
        assert finished.code == 0, finished.stderr
        [line] = read_journal(tmp_path / "out.jsonl")
        assert line.text.split() == " ".join(f"Chapter {word}" for word in _TWELVE).split()
        assert len(line.image_result().pages) == 12
        assert "billed 12 units" in finished.stderr
        assert [told["units"] for told in lines_of(tmp_path / "out.jsonl")] == [12, 12]

    @pytest.mark.parametrize(("budget", "is_sent"), [("11", False), ("12", True)])
    def test_a_budget_counts_pages(
        self, here: Run, service: HeldService, tmp_path: Path, budget: str, *, is_sent: bool
    ) -> None:
        (tmp_path / "a.png").write_bytes(png(1))
        service.may_read.set()
        arguments = ("analyze", *service.options, "doc.pdf", "a.png", "--budget", budget, "-o", "out.jsonl")
        finished = here(*arguments)
        assert finished.code == 1
        assert sorted(read_in(tmp_path / "out.jsonl")) == ["doc.pdf" if is_sent else "a.png"]
        assert "stopped by the budget" in finished.stderr

    def test_what_is_accepted_counts_for_the_budget_of_the_next_run(
        self, here: Run, service: HeldService, tmp_path: Path
    ) -> None:
        names = write_images(tmp_path / "scans", 3)
        arguments = ("doc.pdf", "scans", "--budget", "14")
        service.may_read.set()
        assert here("analyze", *service.options, *arguments, "-o", "out.jsonl").code == 1
        assert len(lose_results(tmp_path / "out.jsonl")) == 3
        service.forget()
        dry = here("analyze", *service.options, *arguments, "-o", "out.jsonl", "--dry-run")
        assert "to fetch: 3 results" in dry.text
        assert "billed: 15 units; the budget of 14 ends the run after 14" in dry.text
        finished = here("analyze", *service.options, *arguments, "-o", "out.jsonl")
        assert finished.code == 1
        assert sorted(read_in(tmp_path / "out.jsonl")) == ["doc.pdf", *names[:2]]
        assert service.seen == []
