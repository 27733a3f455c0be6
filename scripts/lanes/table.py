"""The table of docs/compatibility.md."""

from collections.abc import Mapping

from lanes.lane import ROOT, WHOLE, Lane
from lanes.outcome import Outcome

FILE = ROOT / "docs" / "compatibility.md"
_BEGIN, _END = "<!-- scripts/matrix --table writes what follows. -->\n", "<!-- The end of the table. -->\n"
_COLUMNS = ("Python", "grpcio", "protobuf")
_HEAD = f"| lane | {' | '.join(_COLUMNS)} | beside us | passed |\n|---|{'---|' * len(_COLUMNS)}---|---|\n"


def write_table(outcomes: Mapping[str, Outcome]) -> None:
    """Write the outcome of each lane in place of the table that is there."""
    before, _, rest = FILE.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    rows = [_row(lane, outcomes.get(lane.name)) for lane in WHOLE]
    FILE.write_text(f"{before}{_BEGIN}{_HEAD}{''.join(rows)}{_END}{after}")


def _row(lane: Lane, outcome: Outcome | None) -> str:
    versions = {} if outcome is None else outcome.versions
    cells = [lane.name, *(versions.get(name, "") for name in _COLUMNS), _beside(lane, versions), _verdict(outcome)]
    return f"| {' | '.join(cells)} |\n"


def _beside(lane: Lane, versions: Mapping[str, str]) -> str:
    named = [name for name in lane.shown if name in versions and name not in _COLUMNS]
    return ", ".join(f"{name} {versions[name]}" for name in named)


def _verdict(outcome: Outcome | None) -> str:
    if outcome is None:
        return "not run"
    if outcome.skipped:
        return f"not run: {outcome.skipped.splitlines()[0]}"
    return "failed" if outcome.problem else outcome.date
