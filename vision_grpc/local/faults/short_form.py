"""The short form of rules, which fits in a header: `code=UNAVAILABLE; times=2; transport=grpc`.

A rule is its kind, with the kind's main field as value, and further fields; those of `match` stand beside the others.
Values with blanks at their ends, semicolons, commas or quotation marks are quoted. Commas separate rules.
"""

import re
from collections.abc import Sequence
from dataclasses import fields

from vision_grpc.local.faults.checks import Written
from vision_grpc.local.faults.fault import Match
from vision_grpc.local.faults.kinds import KINDS
from vision_grpc.texts.quoting import show

MOST_CHARACTERS = 8_192

_FIELD = re.compile(
    r"""\s*([A-Za-z][A-Za-z0-9_-]*)\s*          # the name; without a value, it is a kind
        (?:=(?:\s*"((?:[^"\\]|\\.)*)"\s*|([^;,"]*)))?
        (?:([;,])|$)""",
    re.ASCII | re.VERBOSE,
)
_OF_MATCH = frozenset(each.name for each in fields(Match))
_Fields = list[tuple[str, object]]


def read_short_form(text: str) -> list[dict[str, object]]:
    """Return the rules of a text as JSON would have them.

    Raises:
        ValueError: the text does not have this form.
    """
    if len(text) > MOST_CHARACTERS:
        message = f"the text has {len(text):,} characters, and at most {MOST_CHARACTERS:,} are allowed"
        raise ValueError(message)
    return [_as_json(rule) for rule in _split(text)]


def _split(text: str) -> Sequence[_Fields]:
    rules: list[_Fields] = [[]]
    at = 0
    while at < len(text) or not rules[-1]:
        found = _FIELD.match(text, at)
        if found is None:
            message = f"{show(text[at:])} is not the beginning of a rule or a field: write code=UNAVAILABLE; times=2"
            raise ValueError(message)
        name, quoted, bare, end = found.groups()
        value = bare and bare.strip() if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        rules[-1].append((name, None if value is None else Written(value)))
        at = found.end()
        if end == ",":
            rules.append([])
    return rules


def _as_json(rule: _Fields) -> dict[str, object]:
    (kind, value), *others = rule
    kind = kind.replace("_", "-")
    tree: dict[str, object] = {"kind": kind}
    if value is not None:
        main = KINDS[kind].main if kind in KINDS else None
        if main is None:
            message = f"{kind} takes no value" if kind in KINDS else f"{kind} is not one of {', '.join(KINDS)}"
            raise ValueError(message)
        tree[main] = value
    match: dict[str, object] = {}
    for given, told in others:
        name = given.replace("-", "_")
        if told is None:
            message = f"{given} has no value: write {given}=..."
            raise ValueError(message)
        if name in tree or name in match:
            message = f"{given} is there twice"
            raise ValueError(message)
        (match if name in _OF_MATCH else tree)[name] = told
    return {**tree, "match": match} if match else tree
