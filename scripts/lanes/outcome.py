"""What came of a lane, and the file that keeps it for the table."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from lanes.lane import ROOT

# A folder that git ignores: the table in docs/ is what is kept.
_FILE = ROOT / "build" / "matrix.json"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A run of a lane. `problem` is empty where all went well, `skipped` where there was a Python for it."""

    lane: str
    date: str
    seconds: float = 0.0
    problem: str = ""
    skipped: str = ""
    versions: dict[str, str] = field(default_factory=dict[str, str])
    """Of Python and of every package that was installed."""


def remember(outcomes: Iterable[Outcome]) -> None:
    """Keep these outcomes in place of earlier ones of the same lanes."""
    kept = recall() | {outcome.lane: outcome for outcome in outcomes}
    _FILE.parent.mkdir(exist_ok=True)
    _FILE.write_text(json.dumps([asdict(outcome) for outcome in kept.values()], indent=1))


def recall() -> dict[str, Outcome]:
    """Return the last outcome of each lane that was ever run here."""
    if not _FILE.exists():
        return {}
    return {each["lane"]: Outcome(**each) for each in json.loads(_FILE.read_text())}
