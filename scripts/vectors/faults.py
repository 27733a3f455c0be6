"""What a client is to do when the service fails: the table of docs/faults.md, and stories of several faults."""

import re
from pathlib import Path
from typing import Any

_DOC = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
# What the service holds back for longer than a client should wait.
_SILENT = ("hang", "half-open", "trickle=5")
_OK = "OK"

# What the table says of our client: codes of both images (None: that of the call), how often each was sent, and calls.
_MEANING: dict[str, dict[str, Any]] = {
    "sends the images again": {"codes": [_OK, _OK], "attempts": [2, 2], "calls": 2},
    "sends the images again with a fresh token": {"codes": [_OK, _OK], "attempts": [2, 2], "calls": 2},
    "waits as asked, sends the images again": {"codes": [_OK, _OK], "attempts": [2, 2], "calls": 2},
    "sends each image alone": {"codes": [_OK, _OK], "attempts": [2, 2], "calls": 3},
    "gives up": {"codes": [None, None], "attempts": [1, 1], "calls": 1},
    "takes the answer": {"codes": [_OK, _OK], "attempts": [1, 1], "calls": 1},
    "takes the answer, and cannot know": {"codes": [_OK, _OK], "attempts": [1, 1], "calls": 1, "swapped": True},
    "fails that image": {"codes": ["INVALID_ARGUMENT", _OK], "attempts": [1, 1], "calls": 1},
    "sends that image again": {"codes": [_OK, _OK], "attempts": [2, 1], "calls": 2},
}

# Several faults in turn: name, rules, meaning over both transports.
_STORIES: list[tuple[str, list[str], dict[str, Any]]] = [
    ("two refusals are survived", ["code=UNAVAILABLE; times=2"], {"codes": [_OK, _OK], "attempts": [3, 3], "calls": 3}),
    (
        "a refusal, then an error of one image",
        ["code=INTERNAL; times=1", "image-error=INTERNAL; index=1; times=1"],
        {"codes": [_OK, _OK], "attempts": [2, 3], "calls": 3},
    ),
    (
        "a request that is refused, however few images it has",
        ["code=INVALID_ARGUMENT"],
        {"codes": ["INVALID_ARGUMENT"] * 2, "attempts": [2, 2], "calls": 3},
    ),
    (
        "an error of an image that lasts",
        ["image-error=INVALID_ARGUMENT"],
        {"codes": ["INVALID_ARGUMENT"] * 2, "attempts": [1, 1], "calls": 1},
    ),
]


def contents() -> dict[str, Any]:
    """Return what faults.json holds."""
    return {
        "about": "Rules for the local service, and what a client that sends two images is to do. README.md says more.",
        "cases": [*map(_row, _rows()), *(_story(*story) for story in _STORIES)],
    }


def _rows() -> list[tuple[str, str, str]]:
    [table] = re.findall(r"^\| order \|.*\n\|[-|]+\n((?:\|.*\n)+)", _DOC.read_text(), re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]
    return [(order.strip("`"), seen_as.replace("`", ""), said) for order, _, _, seen_as, said in rows]


def _row(row: tuple[str, str, str]) -> dict[str, Any]:
    order, seen_as, said = row
    case: dict[str, Any] = {"name": order, "rules": [f"{order}; times=1"]}
    if order in _SILENT:
        case["call_timeout_s"] = 1
    if said.startswith("waits"):
        case["least_wait_s"] = 0.2
    if order == "token-expiry":
        case["needs"] = "fresh token"
    return case | {
        transport: _meaning(_of(said, place), _of(seen_as, place)) for place, transport in enumerate(("grpc", "rest"))
    }


def _of(cell: str, place: int) -> str:
    """Return what a cell says of a transport: there are two parts where they differ."""
    parts = cell.split(" / ")
    return parts[place] if len(parts) > 1 else cell


def _meaning(said: str, seen_as: str) -> dict[str, Any]:
    meaning = _MEANING[said]
    return {"first_call": seen_as} | meaning | {"codes": [code or seen_as for code in meaning["codes"]]}


def _story(name: str, rules: list[str], meaning: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "rules": rules, "grpc": meaning, "rest": meaning}
