#!/usr/bin/env python3
"""Print the tables of docs/scale.md: how long many images take, what they cost, and what they need.

It is arithmetic, from quotas and from what `scripts/bench.py` has measured; nothing is sent. A test compares the page
with what this prints.
"""

from collections.abc import Callable, Sequence
from math import ceil
from typing import NamedTuple

COUNTS = (10**6, 10**8, 10**10)
RATES = {
    "1 request of 1 image": 1,
    "5 images": 5,
    "10 requests of 1 image": 10,
    "10 requests of 8 images": 80,
    "50 requests of 8 images": 400,
    "500 requests of 8 images": 4000,
}
"""Quotas, as images a second."""

ROUBLES = 0.12
"""For a unit: the last price in the public copy of the vendor's page, see docs/costs.md."""


class Sizes(NamedTuple):
    """What an image of 200 KB with 300 words takes."""

    image: int = 200_000
    wire: int = 26_600
    """Its answer."""

    journal: int = 39_300
    """Its line in a journal."""

    tape: int = 8_300
    """Its entry on a tape, which is compressed."""

    text: int = 3_500
    cpu_ms: float = 0.5
    """CPU of the command line with a journal."""


SIZES = Sizes()
_CALL_S = 1.0
"""How long a call takes."""

_CALL_IMAGES = 8
_CALLS = 64
"""Calls under way that a process can be given; 8 is the default."""

_CORE_MS = 500
"""CPU of a second that a process may use: half a core, as the other half is for what is done with results."""

_LINE_BYTES = 125_000_000
"""What a machine of 1 Gbit/s sends in a second."""

_MONTH_S = 30 * 86_400
_TIMES = ((365.25 * 86_400, "year"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_BYTES = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"))


def tables() -> Sequence[str]:
    """Return the tables in Markdown."""
    return _times(), _amounts(), _workers()


def _times() -> str:
    rows = [
        [f"{name} a second", *(_in_units(count / rate, _TIMES, plural=True) for count in COUNTS)]
        for name, rate in RATES.items()
    ]
    return _table(["quota", *(f"{count:,} images" for count in COUNTS)], rows)


def _amounts() -> str:
    parts: dict[str, Callable[[int], str]] = {
        "price at 0.12 roubles": lambda count: f"{count * ROUBLES:,.0f} roubles",
        "quota that reads them in 30 days": lambda count: f"{_round(count / _MONTH_S)} images/s",
        "images to move, 200 KB each": lambda count: _in_units(count * SIZES.image, _BYTES),
        "answers to move": lambda count: _in_units(count * SIZES.wire, _BYTES),
        "journals": lambda count: _in_units(count * SIZES.journal, _BYTES),
        "tape": lambda count: _in_units(count * SIZES.tape, _BYTES),
        "texts alone": lambda count: _in_units(count * SIZES.text, _BYTES),
        "CPU of the client": lambda count: _in_units(count * SIZES.cpu_ms / 1000, _TIMES, plural=True),
    }
    rows = [[name, *map(part, COUNTS)] for name, part in parts.items()]
    return _table(["", *(f"{count:,} images" for count in COUNTS)], rows)


def _workers() -> str:
    rows = [
        [
            f"{rate:,}",
            f"{_round(rate * SIZES.cpu_ms / 10)} %",
            f"{_round(rate * SIZES.image * 8 / 1e6)} Mbit/s",
            f"{ceil(rate * _CALL_S / _CALL_IMAGES):,}",
            f"{workers(rate):,}",
        ]
        for rate in RATES.values()
    ]
    return _table(["images/s", "of one core", "network", "calls under way", "processes"], rows)


def workers(rate: float) -> int:
    """Return how many processes a quota keeps busy: by CPU, by network, and by calls under way."""
    return max(
        ceil(rate * SIZES.cpu_ms / _CORE_MS),
        ceil(rate * SIZES.image / _LINE_BYTES),
        ceil(rate * _CALL_S / _CALL_IMAGES / _CALLS),
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines)


def _in_units(amount: float, units: Sequence[tuple[float, str]], *, plural: bool = False) -> str:
    size, name = next((unit for unit in units if amount >= unit[0]), units[-1])
    shown = _round(amount / size)
    return f"{shown} {name}{'s' if plural and shown != '1' else ''}"


def _round(value: float) -> str:
    """Return a number with two digits that count, or with all of those before its point."""
    return f"{value:.1f}".removesuffix(".0") if value < 10 else f"{value:,.0f}"  # noqa: PLR2004 - two digits


if __name__ == "__main__":
    print("\n\n".join(tables()))
