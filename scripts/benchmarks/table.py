"""Results for eyes and for programs."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

Row = Mapping[str, str | float | None]

_DECIMALS_FROM = ((100, 0), (10, 1), (0.0, 2))


def report(rows: Sequence[Row], json_file: str | None) -> None:
    """Print the rows as a table, and write them as JSON to a file; `-` means JSON on standard output, no table."""
    if json_file == "-":
        json.dump(rows, sys.stdout, indent=2)
        print()
        return
    if json_file is not None:
        Path(json_file).write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    names = list(rows[0])
    lines = [names, *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    for line in lines:
        # What is a text stands left, what is a number right.
        cells = (
            cell.ljust(width) if isinstance(rows[0][name], str) else cell.rjust(width)
            for cell, width, name in zip(line, widths, names, strict=True)
        )
        print("  ".join(cells).rstrip())


def _cell(value: str | float | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, str | int):
        return str(value)
    decimals = next(decimals for start, decimals in _DECIMALS_FROM if abs(value) >= start)
    return f"{value:.{decimals}f}"
