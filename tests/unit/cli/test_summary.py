"""What is said at the end of a run."""

from pathlib import Path
from typing import Any

import pytest
from snapshots import snapshot

from vision_grpc.bulk.ending import Ending
from vision_grpc.bulk.operations import Tally
from vision_grpc.bulk.progress import Progress
from vision_grpc.cli.summary import End, print_summary
from vision_grpc.errors import Code
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.session.monitor import Stats
from vision_grpc.sources.item import PAGE_PAST_LIMIT, Fault, Skipped

RETRY_FAILED = (
    "to send all failed images again, once the causes are mended: "
    "vision-grpc analyze --retry-failed -o out.jsonl 'my scans'"
)
KEPT: dict[str, Any] = {"output": Path("out.jsonl"), "journal": Path("out.jsonl")}
JOURNAL = End(Ending.COMPLETE, **KEPT)


@pytest.fixture(autouse=True)
def command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["vision-grpc", "analyze", "-o", "out.jsonl", "my scans"])


class Told:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def lines(self, progress: Progress, end: End = JOURNAL, *, quiet: bool = False) -> list[str]:
        seen = progress.snapshot(200.0, Stats(requests=10, retries=3, content_bytes=3_400_000, throttle_wait_s=12.0))
        print_summary(progress, seen, end, quiet=quiet)
        return self._capsys.readouterr().err.splitlines()


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(capsys)


def run_of(read: int, *errors: ImageError) -> Progress:
    progress = Progress(0.0)
    progress.listed(read + len(errors))
    progress.listing_ended()
    for number in range(read):
        progress.finish(ImageResult(f"{number}.png"), billed_units=1)
    for number, error in enumerate(errors):
        progress.finish(ImageResult(f"bad {number}.png", error=error), billed_units=0)
    return progress


def test_a_run_without_trouble(told: Told) -> None:
    assert told.lines(run_of(400)) == [
        "read 400 of 400 images in 3 min 20 s (2.0 images/s)",
        "billed 400 units, sent 3.4 MB, sent 3 images again, waited 12 s for the quota",
        "results are in out.jsonl",
    ]
    assert told.lines(run_of(400), quiet=True) == []


def test_one_image_needs_no_summary(told: Told) -> None:
    assert told.lines(run_of(1), End(Ending.COMPLETE)) == []
    assert told.lines(run_of(0, ImageError(Code.NOT_FOUND, "no such file")), End(Ending.COMPLETE)) == []
    assert told.lines(run_of(1)) != []


def test_failures_are_grouped_by_their_reason(told: Told) -> None:
    empty = [ImageError(Code.INVALID_ARGUMENT, f"'bad {number}.png': the file is empty") for number in range(12)]
    progress = run_of(5, *empty, ImageError(Code.UNAVAILABLE, "connection refused"))
    assert told.lines(progress, quiet=True) == [
        "13 images not read:",
        "  12  INVALID_ARGUMENT, such as 'bad 0.png': the file is empty",
        "   1  UNAVAILABLE: connection refused ('bad 12.png')",
        "to send 1 image again that may succeed now: vision-grpc analyze -o out.jsonl 'my scans'",
        RETRY_FAILED,
    ]


def test_numbers_are_those_of_the_file_that_is_named(told: Told) -> None:
    large = [ImageError(Code.INVALID_ARGUMENT, f"'bad {n}.png': the file has {n + 7} bytes") for n in range(2)]
    assert told.lines(run_of(2, *large), quiet=True)[:2] == [
        "2 images not read:",
        "  2  INVALID_ARGUMENT, such as 'bad 0.png': the file has 7 bytes",
    ]


@pytest.mark.parametrize(("seconds", "said"), [(0.5, "in 0.5 s"), (2.0, "in 2.0 s (2.0 images/s)")])
def test_what_took_no_second_has_no_pace(seconds: float, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    progress = run_of(4)
    print_summary(progress, progress.snapshot(seconds, Stats(requests=1)), JOURNAL, quiet=False)
    assert capsys.readouterr().err.splitlines()[0] == f"read 4 of 4 images {said}"


def test_names_are_shown_escaped(told: Told) -> None:
    progress = run_of(1)
    progress.finish(
        ImageResult("\udcff\n\x1b[31m.png", error=ImageError(Code.INTERNAL, "two\nlines\x1b")), billed_units=0
    )
    progress.skip(Skipped("a\tb.x\nz", ".x\nz", can_be_fitted=False))
    (_, reason, skipped, *_) = told.lines(progress, quiet=True)
    assert reason == r"  1  INTERNAL: two lines\x1b ($'\xff\n\e[31m.png')"
    assert skipped == r"1 file skipped: 1 $'.x\nz' ($'a\tb.x\nz'): not images, --exclude leaves them out"


def test_containers_that_are_passed_over_can_be_opened(told: Told) -> None:
    progress = run_of(1)
    for name in ("a.tar", "b.tar", "c.parquet", "d.doc"):
        progress.skip(Skipped(name, Path(name).suffix, can_be_fitted=False))
    containers, others, *_ = told.lines(progress, quiet=True)
    skipped = "3 files skipped: 2 .tar, 1 .parquet (such as a.tar)"
    patterns = "--include '*.tar' --include '*.parquet'"
    assert containers == f"{skipped}: name them, or add {patterns}, to read what is in them"
    assert others == "1 file skipped: 1 .doc (d.doc): not images, --exclude leaves them out"


def test_skipped_files_are_counted_by_kind_and_the_way_to_read_them_is_said(told: Told) -> None:
    progress = run_of(2)
    for name in ("a.webp", "b.tiff", "c.tiff", "d.heic"):
        progress.skip(Skipped(name, Path(name).suffix, can_be_fitted=True))
    progress.skip(Skipped("x.doc", ".doc", can_be_fitted=False))
    progress.skip(Skipped("x.pdf", PAGE_PAST_LIMIT, can_be_fitted=False, images=7, is_wished=True))
    told_lines = told.lines(progress, quiet=True)
    assert told_lines == [
        "4 files skipped: 2 .tiff, 1 .webp, 1 .heic (such as a.webp): add --fit to read them",
        "1 file skipped: 1 .doc (x.doc): not images, --exclude leaves them out",
        "left out as asked: 7 pages past the limit",
        (
            "to read them, in another journal: vision-grpc analyze --fit --include '*.webp' --include '*.tiff' "
            "--include '*.heic' -o out-fitted.jsonl 'my scans'"
        ),
    ]
    fitting = End(Ending.COMPLETE, **KEPT, fits=True)
    assert not any("--fit" in line for line in told.lines(progress, fitting))


def test_images_that_are_too_large_are_to_be_fitted(told: Told) -> None:
    progress = run_of(2, ImageError(Code.INVALID_ARGUMENT, "the file has 2,000,000 bytes: add --fit"))
    assert told.lines(progress)[-1] == (
        "to fit images, all in a new journal: vision-grpc analyze --fit -o out-fitted.jsonl 'my scans'"
    )


def test_when_all_was_done_before_no_time_is_told(told: Told) -> None:
    progress = Progress(0.0)
    progress.listing_ended()
    for _ in range(5):
        progress.done_before(ok=True)
    assert told.lines(progress)[0] == "read 5 of 5 images, 5 of them in earlier runs"


def test_faults_are_said(told: Told) -> None:
    progress = run_of(2)
    progress.fault(Fault("scans.tar", ImageError(Code.DATA_LOSS, "scans.tar: it ends in the middle of a file")))
    assert told.lines(progress, quiet=True) == [
        "1 part of the sources cannot be read:",
        "  1  DATA_LOSS: it ends in the middle of a file (scans.tar)",
    ]


def test_earlier_runs_are_counted_apart(told: Told) -> None:
    progress = run_of(400)
    progress.earlier_billed_units = 1000
    for _ in range(1000):
        progress.done_before(ok=True)
    progress.done_before(ok=False)
    read, failed, cost, _, advice = told.lines(progress)
    assert read == "read 1,400 of 1,401 images, 1,000 of them in earlier runs, in 3 min 20 s (2.0 images/s)"
    assert failed == "1 image not read in earlier runs, and not sent again"
    assert cost.startswith("billed 400 units (1,400 with those of earlier runs), ")
    assert advice == RETRY_FAILED


@pytest.mark.parametrize("ending", [Ending.INTERRUPTED, Ending.FAILED, Ending.LIMIT])
def test_a_run_that_was_cut_says_how_to_go_on(told: Told, ending: Ending) -> None:
    progress = Progress(0.0)
    progress.listed(12)
    end = End(ending, **KEPT, texts=Path("my texts"))
    assert told.lines(progress, end) == [
        "read 0 of at least 12 images in 3 min 20 s",
        "billed 0 units, sent 3.4 MB, sent 3 images again, waited 12 s for the quota",
        "results are in out.jsonl, texts are in 'my texts'",
        "to go on: vision-grpc analyze -o out.jsonl 'my scans'",
    ]
    assert told.lines(progress, end, quiet=True) == ["to go on: vision-grpc analyze -o out.jsonl 'my scans'"]


def test_a_spent_budget_needs_a_larger_one(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["vision-grpc", "analyze", "--budget", "500", "-o", "x.jsonl", "--files-from", "-"])
    end = End(Ending.BUDGET, **KEPT, budget=500)
    *_, why, cost, place, advice = told.lines(run_of(500), end)
    assert why == "stopped by the budget"
    assert cost.startswith("billed 500 units, sent ")
    assert place == "results are in out.jsonl"
    assert advice == (
        "to go on with a larger budget, with the same input: "
        "vision-grpc analyze --budget 1000 -o x.jsonl --files-from -"
    )


def test_a_larger_budget_is_larger_than_what_earlier_runs_have_spent(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["vision-grpc", "analyze", "--budget", "10", "-qo", "x.jsonl", "scans"])
    progress = run_of(0)
    progress.earlier_billed_units = 100
    end = End(Ending.BUDGET, **KEPT, budget=10)
    assert told.lines(progress, end)[-1] == (
        "to go on with a larger budget: vision-grpc analyze --budget 110 -qo x.jsonl scans"
    )


def test_lost_answers_are_said_with_the_costs(told: Told) -> None:
    _, why, cost, *_ = told.lines(run_of(16), End(Ending.BUDGET, **KEPT, budget=40, lost=24))
    assert why == "stopped by the budget, as lost answers may be billed"
    assert cost.startswith("billed 16 units, and up to 24 more for lost answers, sent ")
    assert told.lines(run_of(16), End(Ending.BUDGET, **KEPT, budget=40, lost=24), quiet=True)[0] == why


def test_answers_that_could_not_be_written_are_said_with_the_costs(told: Told) -> None:
    cost = told.lines(run_of(16), End(Ending.FAILED, **KEPT, unwritten=5))[1]
    assert cost.startswith("billed 16 units, and up to 5 more for answers that could not be written, sent ")


@pytest.mark.parametrize("quiet", [False, True])
def test_a_run_that_sends_only_so_many_images_says_why_it_ends(told: Told, *, quiet: bool) -> None:
    progress = run_of(10)
    progress.listed(290)
    *_, why = [line for line in told.lines(progress, End(Ending.LIMIT, **KEPT, most=10), quiet=quiet) if "stop" in line]
    assert why == "stopped after 10 images, as --max-images asks"
    one = Progress(0.0, most=1)
    one.listed(2)
    one.finish(ImageResult("0.png"), billed_units=1)
    assert "stopped after 1 image, as --max-images asks" in told.lines(one, End(Ending.LIMIT, most=1), quiet=quiet)
    whole = told.lines(progress, End(Ending.COMPLETE, **KEPT, most=10), quiet=quiet)
    assert not any("--max-images" in line for line in whole)


def test_what_holds_no_results_is_not_named(told: Told) -> None:
    lines = told.lines(run_of(2), End(Ending.COMPLETE, journal=Path("out.jsonl")))
    assert not any(line.startswith("results are in") for line in lines)


def test_without_a_journal_nothing_can_go_on(told: Told) -> None:
    assert not any("go on" in line for line in told.lines(run_of(5), End(Ending.INTERRUPTED)))


def test_the_usual_numbers_can_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(run_of(3), snapshot(), JOURNAL, quiet=False)
    assert capsys.readouterr().err.startswith("read 12,322 of 200,000 images in 40 s (309 images/s)\n")


def test_what_became_of_the_files_that_earlier_runs_have_sent(told: Told) -> None:
    tally = Tally(fetched=50, unread=2, expired=3, changed=1, failed=4)
    assert told.lines(run_of(400), End(Ending.COMPLETE, earlier=tally, lost=4, **KEPT))[1:4] == [
        "fetched 50 results of images that earlier runs had sent, 2 of files that cannot be read any more",
        (
            "sent 8 images of earlier runs again: 3 sent more than three days ago, 1 changed since, "
            "4 failed or unknown at the service"
        ),
        (
            "billed 400 units, and up to 4 more for lost answers, sent 3.4 MB, sent 3 images again, "
            "waited 12 s for the quota"
        ),
    ]


def test_what_is_accepted_and_not_read_is_fetched_by_the_next_run(told: Told) -> None:
    lines = told.lines(run_of(400), End(Ending.INTERRUPTED, accepted=50, **KEPT))
    assert "50 images accepted and not read yet: the service keeps the results for three days" in lines
    assert any(line.startswith("billed 400 units, and more once what was accepted is read") for line in lines)
    assert lines[-1] == "to go on: vision-grpc analyze -o out.jsonl 'my scans'"


def test_what_was_not_ready_in_time_is_fetched_and_not_sent(told: Told) -> None:
    late = ImageError(Code.DEADLINE_EXCEEDED, "operation op-1 has no result after 3600 s")
    lines = told.lines(run_of(400, late), End(Ending.COMPLETE, accepted=1, **KEPT))
    assert lines[-1] == "to fetch 1 result: vision-grpc analyze -o out.jsonl 'my scans'"


def test_what_no_run_fetches_any_more_is_fetched_by_id(told: Told) -> None:
    failure = ImageError(Code.UNAVAILABLE, "was not reached")
    lines = told.lines(run_of(400, failure), End(Ending.COMPLETE, unmet=2, **KEPT))
    assert "2 images accepted in earlier runs and not read, and not among those of this one" in lines
    assert lines[-2:] == [
        "to see the operations of those: vision-grpc operations list out.jsonl",
        "to send 1 image again that may succeed now: vision-grpc analyze -o out.jsonl 'my scans'",
    ]


def test_a_command_that_only_fetches_advises_to_send_nothing(told: Told) -> None:
    end = End(Ending.COMPLETE, only_fetches=True, earlier=Tally(fetched=1), **KEPT)
    assert told.lines(run_of(1, ImageError(Code.INVALID_ARGUMENT, "bad")), end)[-1] == "results are in out.jsonl"
