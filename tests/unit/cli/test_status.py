"""The line about a run, at the widths that terminals have."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snapshots import snapshot

from vision_grpc.bulk.progress import Snapshot
from vision_grpc.cli.status import kinds, status_line, status_pieces

WIDE = (
    f"{'━' * 2}{'─' * 38}  12,345/200,000 (6 %)  312 images/s  10 min 1 s left  "
    "23 failed (20 INVALID_ARGUMENT, 3 UNAVAILABLE)  12 retried  8 calls in flight"
)
LISTING: dict[str, Any] = {"is_listed": False, "left_s": None, "total": 13_000}


def text(seen: Snapshot, columns: int, *, has_blocks: bool = True) -> str:
    return "".join(piece.text for piece in status_pieces(seen, columns, has_blocks=has_blocks))


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (19, "12k/200k 23 failed"),
        (39, "12k/200k 312/s 10 min left 23 failed"),
        (79, "12,345/200,000 (6 %)  312/s  10 min left  23 failed  12 retried  8 in flight"),
        (199, WIDE),
    ],
)
def test_what_matters_least_is_left_out_first(columns: int, shown: str) -> None:
    assert text(snapshot(), columns) == shown


def test_while_images_are_listed_the_total_is_a_lower_bound() -> None:
    assert text(snapshot(**LISTING), 199).startswith("12,345 of at least 13,000  312 images/s  23 failed")
    assert text(snapshot(**LISTING), 19).startswith("12k/13k+ ")


def test_a_service_that_is_away_is_the_first_thing_to_say() -> None:
    seen = snapshot(away_s=12.3, left_s=None)
    assert text(seen, 199).endswith("the service is away for 12 s")
    assert text(seen, 79).endswith("service away 12 s")
    assert "no service" in text(seen, 19)


def test_waits_for_the_quota_are_said() -> None:
    assert text(snapshot(is_throttled=True), 199).endswith("  waiting for quota")
    assert "quota" not in text(snapshot(is_throttled=True, away_s=1.0), 199)


def test_no_character_is_beyond_ascii_where_the_terminal_knows_no_other() -> None:
    assert text(snapshot(), 199, has_blocks=False).isascii()
    assert text(snapshot(), 199, has_blocks=False).startswith("##......")


def test_nothing_is_known_at_the_start() -> None:
    seen = snapshot(done=0, total=0, failed=0, retries=0, calls_in_flight=0, pace_per_s=None, left_s=None)
    assert text(seen, 79) == "0/0"
    assert text(replace(seen, is_listed=False), 79) == "0 of at least 0"


_COUNTS = st.integers(0, 10**10)
_SECONDS = st.none() | st.floats(0, 1e9)
_CHANGES = st.fixed_dictionaries(
    {
        "done": _COUNTS,
        "failed": _COUNTS,
        "retries": _COUNTS,
        "skipped": st.dictionaries(st.just(".webp"), _COUNTS),
        "earlier": _COUNTS,
        "pace_per_s": _SECONDS,
        "left_s": _SECONDS,
        "away_s": _SECONDS,
        "operations": _COUNTS,
        "is_listed": st.booleans(),
        "is_throttled": st.booleans(),
    }
)


@given(st.integers(8, 300), _CHANGES, _COUNTS)
def test_the_line_is_never_too_long(columns: int, changes: dict[str, Any], more: int) -> None:
    seen = snapshot(**changes, total=changes["done"] + more)
    shown = text(seen, columns)
    assert len(shown) <= columns
    assert shown == shown.strip()
    assert text(seen, 10_000).endswith(status_line(seen).rpartition(", ")[2])


def test_the_whole_line_says_everything() -> None:
    seen = snapshot(is_throttled=True, skipped={".webp": 5}, faults=1, earlier=1000)
    assert status_line(seen) == (
        "12,345/200,000 (6 %), 312 images/s, 10 min 1 s left, 23 failed (20 INVALID_ARGUMENT, 3 UNAVAILABLE), "
        "12 retried, 8 calls in flight, waiting for quota, 6 skipped, 1,000 done before"
    )


def test_accepted_images_are_shown_as_results_to_come() -> None:
    assert "8 calls in flight, 1,000 results awaited, waiting" in status_line(
        snapshot(operations=1000, is_throttled=True)
    )


def test_a_hundred_percent_is_the_end() -> None:
    assert "(99 %)" in status_line(snapshot(done=199_999))
    assert "(100 %)" in status_line(snapshot(done=200_000))


def test_of_many_kinds_some_are_named() -> None:
    assert kinds([(".a", 1), (".b", 5)]) == "5 .b, 1 .a"
    assert kinds([(f".{name}", number) for number, name in enumerate("abcdefg")]) == "6 .g, 5 .f, 4 .e, 3 .d, 3 others"
