"""Rules out of JSON and texts, whole or not at all."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, cast, get_args, get_type_hints

from vision_grpc.errors import InvalidRequestError, Violation
from vision_grpc.local.faults.checks import Check
from vision_grpc.local.faults.fault import Fault, Match
from vision_grpc.local.faults.kinds import KINDS
from vision_grpc.local.faults.rule import Rule
from vision_grpc.local.faults.short_form import read_short_form
from vision_grpc.texts.quoting import shorten, show

MOST_BYTES = 1024 * 1024
"""How long a list of rules may be."""

MOST_RULES = 1_000
"""How many rules a list may have."""

_RULES = "rules"
_JSON_BEGINS = ("[", "{")
_Tree = Mapping[str, object]
_Problems = list[Violation]


def read_rules(given: object, *, test_id: str = "", path: str = _RULES) -> list[Rule]:
    """Return the rules of a value as JSON has it: a list, `{"rules": [...]}`, or one rule alone.

    A rule is an object, or a text in the short form. Rules that name no test are for `test_id`.

    Raises:
        InvalidRequestError: a rule is not one. The error names each field that is wrong, and what it may be.
    """
    if isinstance(given, Mapping) and "rules" in given:
        if len(cast("_Tree", given)) > 1:
            raise _refused(path, 'beside rules there is another field: a list is {"rules": [...]}')
        given = cast("_Tree", given)["rules"]
    is_list = isinstance(given, list | tuple)
    listed = cast("Sequence[object]", given if is_list else (given,))
    if len(listed) > MOST_RULES:
        raise _refused(path, f"there are {len(listed):,} rules, and at most {MOST_RULES:,} are allowed")
    problems: _Problems = []
    rules: list[Rule] = []
    for number, entry in enumerate(listed):
        where = f"{path}[{number}]" if is_list else path
        read = [_read_rule(tree, where, test_id, problems) for tree in _trees(entry, where, problems)]
        rules += filter(None, read)
    if problems:
        raise InvalidRequestError(problems)
    return rules


def parse_rules(text: str | bytes, *, test_id: str = "", path: str = _RULES) -> list[Rule]:
    """Return the rules of a text: JSON, or the short form.

    Raises:
        InvalidRequestError: it is neither, or a rule is not one.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(path, f"the text is not UTF-8: {error.reason} at byte {error.start:,}") from None
    if not decoded.lstrip().startswith(_JSON_BEGINS):
        return read_rules(decoded.strip(), test_id=test_id, path=path)
    try:
        tree = json.loads(decoded, object_pairs_hook=_members)
    except RecursionError:
        raise _refused(path, "the JSON is nested too deeply") from None
    except ValueError as error:
        raise _refused(path, f"the text is not JSON: {error}") from None
    return read_rules(tree, test_id=test_id, path=path)


def load_rules(path: Path) -> list[Rule]:
    """Return the rules of a file.

    Raises:
        OSError: it cannot be read.
        InvalidRequestError: it is too long, or a rule is not one.
    """
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise _refused(_RULES, f"the file is longer than {MOST_BYTES:,} bytes")
    return parse_rules(content)


def checks_of(owner: type[Rule | Match | Fault]) -> Mapping[str, Check]:
    """Return what each field of a class of rules, matches or faults may hold."""
    return _CHECKS[owner]


def _find_checks(owner: type[Rule | Match | Fault]) -> Mapping[str, Check]:
    return {
        name: check
        for name, hint in get_type_hints(owner, include_extras=True).items()
        for each in (hint, *get_args(hint))  # a field that may be None has the check inside
        for check in getattr(each, "__metadata__", ())
    }


_CHECKS: dict[type[Any], Mapping[str, Check]] = {owner: _find_checks(owner) for owner in (Rule, Match, *KINDS.values())}


def _trees(entry: object, where: str, problems: _Problems) -> Iterator[_Tree]:
    """Yield the objects that stand for an entry: several if it is a text of several rules."""
    if isinstance(entry, Mapping):
        yield cast("_Tree", entry)
    elif isinstance(entry, str):
        try:
            yield from read_short_form(entry)
        except ValueError as error:
            problems.append(Violation(where, str(error)))
    else:
        problems.append(
            Violation(where, f"{show(entry)} is not a rule: an object with the field kind, or a text such as hang")
        )


def _read_rule(tree: _Tree, where: str, test_id: str, problems: _Problems) -> Rule | None:
    before = len(problems)
    kind = tree.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        given = show(kind) if "kind" in tree else "nothing"
        problems.append(Violation(f"{where}.kind", f"{given} is not one of {', '.join(KINDS)}"))
        return None
    of_kind, of_rule = checks_of(KINDS[kind]), checks_of(Rule)
    _check_names(tree, {"kind", "match", *of_rule, *of_kind}, where, problems)
    fault = _read_fields(KINDS[kind], tree, where, problems)
    counts = _read_fields(Rule, tree, where, problems)
    given_match = tree.get("match", {})
    match: dict[str, Any] = {}
    if isinstance(given_match, Mapping):
        match_tree = cast("_Tree", given_match)
        _check_names(match_tree, set(checks_of(Match)), f"{where}.match", problems)
        match = _read_fields(Match, match_tree, f"{where}.match", problems)
    else:
        problems.append(Violation(f"{where}.match", f"{show(given_match)} is not an object"))
    if test_id and match.setdefault("test_id", test_id) != test_id:
        problems.append(
            Violation(f"{where}.match.test_id", f"{show(match['test_id'])} is not the test id that the rules are for")
        )
    if len(problems) > before:
        return None
    return Rule(fault=KINDS[kind](**fault), match=Match(**match), **counts)


def _check_names(tree: _Tree, known: set[str], where: str, problems: _Problems) -> None:
    for name in tree:
        if name not in known:
            problems.append(
                Violation(f"{where}.{_printable(name)}", f"there is no such field, only {', '.join(sorted(known))}")
            )


def _printable(name: object) -> str:
    # JSON can have lone surrogates, and neither UTF-8 nor protobuf can.
    return shorten(str(name).encode(errors="backslashreplace").decode())


def _read_fields(owner: type[Rule | Match | Fault], tree: _Tree, where: str, problems: _Problems) -> dict[str, Any]:
    values: dict[str, Any] = {}
    checks = checks_of(owner)
    for each in fields(owner):
        check = checks.get(each.name)
        if check is None:
            continue
        if each.name in tree:
            try:
                values[each.name] = check.take(tree[each.name])
            except ValueError as error:
                problems.append(Violation(f"{where}.{each.name}", str(error)))
        elif each.default is MISSING:
            problems.append(Violation(f"{where}.{each.name}", f"it is missing: it is {check.words}"))
    return values


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        message = "an object has two members of one name"
        raise ValueError(message)
    return members


def _refused(path: str, problem: str) -> InvalidRequestError:
    return InvalidRequestError([Violation(path, problem)])
