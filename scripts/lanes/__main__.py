"""`scripts/matrix`: see there."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lanes.lane import QUICK, WHOLE, Lane
from lanes.outcome import Outcome, recall, remember
from lanes.run import build, run
from lanes.service import service
from lanes.table import write_table


def main() -> int:
    """Run the lanes in `sys.argv`; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/matrix", description="Try what we publish in environments of all kinds."
    )
    parser.add_argument("lanes", nargs="*", metavar="LANE", help="beginning of a lane's name; default: the quick lanes")
    parser.add_argument("--all", action="store_true", help="run every lane")
    parser.add_argument("--list", action="store_true", help="list the lanes, and run nothing")
    parser.add_argument("--table", action="store_true", help="write what was last run into docs/compatibility.md")
    asked = parser.parse_args()
    chosen = _choose(asked.lanes, whole=asked.all)
    if asked.list:
        print("\n".join(lane.name for lane in (*QUICK, *WHOLE)))
        return 0
    if not chosen:
        parser.error(f"no lane begins with {' or '.join(asked.lanes)}: see --list")
    outcomes = _run(chosen) if asked.all or asked.lanes or not asked.table else []
    if asked.table:
        write_table(recall())
    return any(outcome.problem for outcome in outcomes)


def _choose(names: Sequence[str], *, whole: bool) -> Sequence[Lane]:
    if whole:
        return WHOLE
    return [lane for lane in (*QUICK, *WHOLE) if lane.name.startswith(tuple(names))] if names else QUICK


def _run(chosen: Sequence[Lane]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="matrix-") as name:
        folder = Path(name)
        distributions = {target: build(target, folder / target) for target in ("wheel", "sdist")}
        with service(folder) as file:
            for lane in chosen:
                outcome = run(lane, distributions, file)
                print(_line(outcome), flush=True)
                outcomes.append(outcome)
    remember(outcomes)
    return outcomes


def _line(outcome: Outcome) -> str:
    if outcome.skipped:
        return f"{outcome.lane}: skipped: {outcome.skipped}"
    return f"{outcome.lane}: {outcome.problem or 'ok'} ({outcome.seconds:.1f} s)"


if __name__ == "__main__":
    sys.exit(main())
