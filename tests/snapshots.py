"""Numbers of a run for tests of what is said about it."""

from dataclasses import replace
from typing import Any

from vision_grpc.bulk.progress import Snapshot

_USUAL = Snapshot(
    done=12_345,
    total=200_000,
    is_listed=True,
    known=200_000,
    read=12_322,
    failed=23,
    failed_by_code={"INVALID_ARGUMENT": 20, "UNAVAILABLE": 3},
    faults=0,
    skipped={},
    earlier=0,
    billed_units=12_322,
    content_bytes=2_469_000_000,
    retries=12,
    calls_in_flight=8,
    throttled_s=0.0,
    elapsed_s=40.0,
    pace_per_s=312.4,
    mean_per_s=308.6,
    left_s=601.0,
    is_throttled=False,
    away_s=None,
)


def snapshot(**changes: Any) -> Snapshot:  # noqa: ANN401 - of any field
    """Return the numbers of a usual run, with changes."""
    return replace(_USUAL, **changes)
