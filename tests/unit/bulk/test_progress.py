"""The numbers of a run. Times are passed in: nothing here waits."""

import pytest

from vision_grpc.bulk.failures import MOST_REASONS, Failures
from vision_grpc.bulk.pace import WINDOW_S
from vision_grpc.bulk.progress import MOST_KINDS, Progress, Snapshot
from vision_grpc.errors import Code
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.session.monitor import Stats
from vision_grpc.sources.item import PAGE_WITH_TEXT, Fault, Skipped

CALLING = Stats(requests=1)


def finish(progress: Progress, images: int, code: Code | None = None) -> None:
    for number in range(images):
        error = None if code is None else ImageError(code, "broken")
        progress.finish(ImageResult(f"{number}.png", error=error), billed_units=0 if error else 1)


def pass_time(progress: Progress, start: int, seconds: int, *, images: int, stats: Stats = CALLING) -> Snapshot:
    """Let so many images be finished evenly, as whoever looks each second sees it."""
    for second in range(start, start + seconds):
        finish(progress, images // seconds)
        seen = progress.snapshot(float(second + 1), stats)
    return seen


def test_a_run_starts_with_nothing() -> None:
    seen = Progress(5.0).snapshot(5.0, Stats())
    assert (seen.done, seen.total, seen.is_listed, seen.pace_per_s, seen.left_s) == (0, 0, False, None, None)


def test_every_image_is_counted_once() -> None:
    progress = Progress(0.0)
    progress.listed(6)
    finish(progress, 3)
    finish(progress, 2, Code.INVALID_ARGUMENT)
    finish(progress, 1, Code.UNAVAILABLE)
    seen = progress.snapshot(2.0, Stats(requests=2, retries=4, calls_in_flight=1, content_bytes=600))
    assert (seen.done, seen.total, seen.read, seen.failed) == (6, 6, 3, 3)
    assert seen.failed_by_code == {"INVALID_ARGUMENT": 2, "UNAVAILABLE": 1}
    assert (seen.billed_units, seen.retries, seen.calls_in_flight, seen.content_bytes) == (3, 4, 1, 600)


def test_the_time_left_is_unknown_until_all_is_listed() -> None:
    progress = Progress(0.0)
    progress.listed(100)
    assert pass_time(progress, 0, 10, images=50).left_s is None
    progress.listing_ended()
    assert pass_time(progress, 10, 2, images=10).left_s == pytest.approx(8.0)


def test_what_earlier_runs_did_does_not_make_this_one_look_fast() -> None:
    progress = Progress(0.0)
    for _ in range(900):
        progress.done_before(ok=True)
    progress.done_before(ok=False)
    progress.listed(99)
    progress.listing_ended()
    seen = pass_time(progress, 0, 10, images=20)
    assert (seen.done, seen.total, seen.earlier) == (921, 1000, 901)
    assert (seen.pace_per_s, seen.mean_per_s, seen.left_s) == (2.0, 2.0, 39.5)
    assert seen.billed_units == 20


def test_listing_first_does_not_make_a_run_look_slow() -> None:
    progress = Progress(0.0)
    for second in range(60):
        progress.listed(10)
        assert progress.snapshot(float(second), Stats()).mean_per_s is None
    progress.listing_ended()
    seen = pass_time(progress, 59, 10, images=100)
    assert (seen.pace_per_s, seen.mean_per_s, seen.left_s, seen.elapsed_s) == (10.0, 10.0, 50.0, 69.0)


def test_the_pace_follows_a_change() -> None:
    progress = Progress(0.0)
    progress.listed(100_000)
    pass_time(progress, 0, 100, images=1000)
    seen = pass_time(progress, 100, int(WINDOW_S) + 1, images=310)
    assert seen.pace_per_s == pytest.approx(10.0)
    seen = pass_time(progress, 131, int(WINDOW_S) + 1, images=31)
    assert seen.pace_per_s == pytest.approx(1.0)
    assert seen.mean_per_s == pytest.approx(1341 / 162)


def test_the_pace_of_rare_results_is_that_of_several() -> None:
    progress = Progress(0.0)
    progress.listed(1000)
    for minute in range(1, 10):
        finish(progress, 1)
        for second in range(60):
            seen = progress.snapshot(minute * 60.0 + second, CALLING)
            assert seen.pace_per_s == pytest.approx(1 / 60, rel=1.1)


def test_a_burst_at_the_start_is_no_pace_yet() -> None:
    progress = Progress(0.0)
    progress.listed(1000)
    progress.listing_ended()
    progress.snapshot(0.0, Stats())
    finish(progress, 64)
    assert progress.snapshot(0.1, CALLING).left_s is None
    assert pass_time(progress, 0, 4, images=0).left_s is not None


def test_a_limit_bounds_what_is_left() -> None:
    progress = Progress(0.0, most=100)
    progress.listed(60)
    assert not progress.snapshot(0.0, Stats()).is_listed
    progress.listed(5000)
    seen = pass_time(progress, 0, 10, images=50)
    assert (seen.done, seen.total, seen.is_listed, seen.known, seen.left_s) == (50, 100, True, 5060, 10.0)


def test_there_is_no_pace_before_the_first_result() -> None:
    progress = Progress(0.0)
    progress.listed(60)
    assert progress.snapshot(5.0, CALLING).pace_per_s is None


def test_nothing_is_left_when_all_is_done() -> None:
    progress = Progress(0.0)
    progress.listed(3)
    finish(progress, 3)
    progress.listing_ended()
    assert progress.snapshot(0.0, CALLING).left_s == 0.0


def test_a_service_that_is_away_leaves_the_end_open() -> None:
    progress = Progress(0.0)
    progress.listed(100)
    progress.listing_ended()
    pass_time(progress, 0, 10, images=50)
    away = Stats(requests=9, is_service_away=True)
    progress.snapshot(11.0, away)
    seen = progress.snapshot(23.0, away)
    assert (seen.away_s, seen.left_s) == (12.0, None)
    seen = progress.snapshot(24.0, CALLING)
    assert (seen.away_s, seen.left_s) == (None, 24.0)


def test_waits_for_our_quota_are_seen() -> None:
    progress = Progress(0.0)
    progress.listed(1000)
    assert not progress.snapshot(0.0, Stats()).is_throttled
    for second in range(1, 10):
        seen = progress.snapshot(float(second), Stats(requests=second, throttle_wait_s=second * 0.9))
        assert seen.is_throttled
    assert not Progress(0.0).snapshot(10.0, Stats(requests=1, throttle_wait_s=1.0)).is_throttled


def test_refusals_for_the_quota_are_seen_while_they_are_news() -> None:
    progress = Progress(0.0)
    assert progress.snapshot(1.0, Stats(requests=1, quota_refusals=8)).is_throttled
    assert progress.snapshot(5.0, Stats(requests=1, quota_refusals=8)).is_throttled
    assert not progress.snapshot(6.5, Stats(requests=1, quota_refusals=8)).is_throttled


def test_skipped_files_are_counted_by_kind_and_named() -> None:
    progress = Progress(0.0)
    for number in range(3):
        progress.skip(Skipped(f"{number}.webp", ".webp", can_be_fitted=True))
    progress.skip(Skipped("README", "no suffix", can_be_fitted=False))
    progress.skip(Skipped("a.pdf", PAGE_WITH_TEXT, can_be_fitted=False, images=7, is_wished=True))
    assert progress.snapshot(0.0, Stats()).skipped == {".webp": 3, "no suffix": 1}
    assert (progress.skipped[".webp"].name, progress.skipped[".webp"].can_be_fitted) == ("0.webp", True)
    assert progress.left_out == {PAGE_WITH_TEXT: 7}


def test_kinds_and_reasons_are_bounded() -> None:
    progress = Progress(0.0)
    for number in range(10 * MOST_KINDS):
        progress.skip(Skipped(f"x.{number}", f".{number}", can_be_fitted=False))
    assert len(progress.skipped) == MOST_KINDS + 1
    assert sum(kind.count for kind in progress.skipped.values()) == 10 * MOST_KINDS
    failures = Failures()
    letters = "abcdefghijklmnopqrstuvwxyz"
    for first in letters:
        for second in letters:
            failures.add("x.png", ImageError(Code.INTERNAL, f"reason {first}{second}"))
    assert len(failures.reasons) == MOST_REASONS + 1
    assert sum(reason.count for reason in failures.reasons) == failures.count == len(letters) ** 2


@pytest.mark.parametrize(
    ("names", "messages"),
    [
        (("a.png", "b.png"), ("a.png: no such file, check the path", "b.png: no such file, check the path")),
        (("a b.png", "c'd.png"), ("'a b.png': the file is empty", '"c\'d.png": the file is empty')),
        (("a", "b"), ("1,048,577 bytes, at most 1,048,576", "2,000,000 bytes, at most 1,048,576")),
        (("a", "b"), ("field 'x' is wrong", 'field "yyy" is wrong')),
        (
            ("a", "b"),
            (
                "request 5f0c7a52-6b2c-4a0e-9a52-3f3c0e1b7d10 failed",
                "request 00000000-6b2c-4a0e-9a52-3f3c0e1b7d10 failed",
            ),
        ),
        (("\udcff.png", "2.png"), ("$'\\xff.png': broken", "2.png: broken")),
        (("", "x"), ("out of quota", "out of quota")),
    ],
)
def test_messages_that_differ_in_names_and_numbers_are_one_reason(
    names: tuple[str, str], messages: tuple[str, str]
) -> None:
    failures = Failures()
    for name, message in zip(names, messages, strict=True):
        failures.add(name, ImageError(Code.INVALID_ARGUMENT, message))
    (reason,) = failures.reasons
    assert (reason.count, reason.name, reason.error.message) == (2, names[0], messages[0])


def test_reasons_that_say_different_things_stay_apart() -> None:
    failures = Failures()
    failures.add("a", ImageError(Code.INVALID_ARGUMENT, "the file is empty"))
    for _ in range(2):
        failures.add("b", ImageError(Code.INVALID_ARGUMENT, "the file is a GIF"))
    failures.add("c", ImageError(Code.UNAVAILABLE, "the file is empty"))
    assert [(reason.name, reason.count) for reason in failures.reasons] == [("b", 2), ("a", 1), ("c", 1)]


def test_faults_are_not_images() -> None:
    progress = Progress(0.0)
    progress.fault(Fault("scans.tar", ImageError(Code.DATA_LOSS, "the file ends in the middle of a member")))
    seen = progress.snapshot(0.0, Stats())
    assert (seen.done, seen.failed, seen.faults) == (0, 0, 1)
