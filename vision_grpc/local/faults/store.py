"""The rules of all tests, and how often each has struck. Thread-safe."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from vision_grpc.errors import Code, InvalidRequestError, ServiceError, Violation
from vision_grpc.local.calls.call import Call
from vision_grpc.local.faults.fault import EVERY_TEST, Match, key_digest_of
from vision_grpc.local.faults.kinds.statuses import TokenExpiry
from vision_grpc.local.faults.reading import MOST_RULES, checks_of, parse_rules, read_rules
from vision_grpc.local.faults.rule import Rule, Subject
from vision_grpc.local.faults.strike import Strike

FAULT = "x-fault"
"""The metadata by which a call orders a fault for itself."""

_MOST_TESTS, _MOST_ORDERED, _MOST_EXPIRED = 10_000, 10_000, 1_000
_EXPIRED = Rule(id="expired-token", fault=TokenExpiry())


@dataclass(slots=True)
class Counted:
    """A rule with its counts."""

    rule: Rule
    ordered_by_call: bool = False
    """Whether a call brought the rule by its `x-fault`."""
    seen: int = 0
    """How many calls it was tried for that match it."""
    hits: int = 0
    """How many calls it has struck."""

    def take(self, subject: Subject) -> bool:
        """Count a call if it matches; return whether it is struck."""
        if not self.rule.matches(subject):
            return False
        self.seen += 1
        is_struck = self.rule.is_due(self.seen)
        self.hits += is_struck
        return is_struck

    def to_json(self) -> dict[str, Any]:
        """Return the rule and its counts as JSON."""
        rule = self.rule
        return {
            **rule.to_json(),
            "test_id": rule.match.test_id,
            "seen": self.seen,
            "hits": self.hits,
            "ordered_by_call": self.ordered_by_call,
        }


@dataclass(slots=True)
class _Test:
    """What is kept for one test id."""

    rules: dict[str, Counted] = field(default_factory=dict[str, Counted])
    ordered: dict[str, list[Counted]] = field(default_factory=dict[str, list[Counted]])
    """The rules that calls have ordered, by the text that ordered them."""
    expired: dict[str, None] = field(default_factory=dict[str, None])
    """Digests of the API keys and tokens that have expired, the oldest first."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remember."""
        return not (self.rules or self.ordered or self.expired)

    def expire(self, key_digest: str) -> None:
        """Note that a key or token has expired; of very many, the oldest are forgotten."""
        self.expired[key_digest] = None
        if len(self.expired) > _MOST_EXPIRED:
            del self.expired[next(iter(self.expired))]


class FaultStore:
    """The rules of the tests that use a service, each test's apart from the others'.

    A call is counted by the rules of its test id, and then by those of `*`, which are for all calls. The rules are
    tried in their order up to the first that strikes; `latency` and `trickle` let those after them be tried too.
    """

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._lock = threading.Lock()
        self._tests: dict[str, _Test] = {}
        self._install(rules, None)

    def put(self, rules: object, *, test_id: str = "") -> list[Counted]:
        """Put rules in place of those of a test, and of those tests that the new rules name.

        Raises:
            InvalidRequestError: a rule is not one; nothing has changed.
        """
        return self._install(_read(rules, test_id), test_id)

    def add(self, rules: object, *, test_id: str = "") -> list[Counted]:
        """Add rules after those that there are.

        Raises:
            InvalidRequestError: a rule is not one, or has the id of another; nothing has changed.
        """
        return self._install(_read(rules, test_id), None)

    def rules(self, *, test_id: str | None = None) -> list[Counted]:
        """Return the rules of a test with their counts; None stands for all tests."""
        with self._lock:
            tests = self._tests.values() if test_id is None else filter(None, [self._tests.get(test_id)])
            return [
                replace(each)
                for test in tests
                for each in (*test.rules.values(), *(ordered for some in test.ordered.values() for ordered in some))
            ]

    def hits(self, rule_id: str | None = None, *, test_id: str = "") -> int:
        """Return how many calls a rule has struck; None stands for all rules of the test together.

        Raises:
            KeyError: the test has no such rule.
        """
        counts = [each for each in self.rules(test_id=test_id) if rule_id in (None, each.rule.id)]
        if rule_id is not None and not counts:
            raise KeyError(rule_id)
        return sum(each.hits for each in counts)

    def remove(self, rule_id: str, *, test_id: str = "") -> None:
        """Remove one rule of a test.

        Raises:
            KeyError: the test has no such rule.
        """
        with self._lock:
            test = self._tests.get(test_id)
            if test is None or rule_id not in test.rules:
                raise KeyError(rule_id)
            del test.rules[rule_id]

    def clear(self, *, test_id: str = "") -> None:
        """Remove the rules of a test, those that its calls have ordered too; credentials stay expired."""
        with self._lock:
            if (test := self._tests.get(test_id)) is not None:
                self._tests[test_id] = _Test(expired=test.expired)

    def forget(self, test_id: str | None) -> None:
        """Forget all of a test: rules, counts, expired credentials. None stands for all tests."""
        with self._lock:
            if test_id is None:
                self._tests.clear()
            else:
                self._tests.pop(test_id, None)

    def strike(self, call: Call) -> Strike | None:
        """Return what goes wrong with a call, None if nothing does; the call is counted.

        Raises:
            InvalidRequestError: the `x-fault` of the call is no rule.
            ServiceError: calls have ordered too many different faults.
        """
        given = call.metadata.get(FAULT)
        ordered = [] if given is None else parse_rules(given, test_id=call.test_id, path=FAULT)
        if given is None and not self._tests:
            return None
        key_digest = key_digest_of(call)
        with self._lock:
            tests = [self._tests[name] for name in dict.fromkeys((call.test_id, EVERY_TEST)) if name in self._tests]
            if any(key_digest in test.expired for test in tests):
                struck = [_EXPIRED]
            else:
                candidates = [] if given is None else self._ordered(call.test_id, given, ordered)
                struck = _choose([*candidates, *(each for test in tests for each in test.rules.values())], call)
                if key_digest is not None and struck and struck[-1].fault.revokes:
                    self._test(struck[-1].match.test_id).expire(key_digest)
        call.struck_by = tuple(rule.id for rule in struck)
        return Strike(struck) if struck else None

    def _ordered(self, test_id: str, given: str, rules: Sequence[Rule]) -> list[Counted]:
        """Return the rules that a call orders; those that count calls go on from where they were."""
        named = [replace(rule, id=rule.id or FAULT) for rule in rules]
        if not any(rule.counts for rule in named):
            return [Counted(rule) for rule in named]
        ordered = self._test(test_id).ordered
        if given not in ordered:
            if len(ordered) >= MOST_RULES:
                message = f"the calls of this test have ordered {MOST_RULES:,} different faults by {FAULT}: reset it"
                raise ServiceError(Code.RESOURCE_EXHAUSTED, message)
            if sum(len(test.ordered) for test in self._tests.values()) >= _MOST_ORDERED:
                message = f"there are {_MOST_ORDERED:,} different orders by {FAULT}: reset tests that have ended"
                raise ServiceError(Code.RESOURCE_EXHAUSTED, message)
            ordered[given] = [Counted(rule, ordered_by_call=True) for rule in named]
        return ordered[given]

    def _install(self, rules: Sequence[Rule], replaced: str | None) -> list[Counted]:
        """Install rules, all or none; with `replaced`, in place of those of this test and of those that they name."""
        with self._lock:
            names: set[str] = {rule.match.test_id for rule in rules} | ({replaced} if replaced is not None else set())
            kept: dict[str, dict[str, Counted]] = {
                name: {} if replaced is not None or name not in self._tests else dict(self._tests[name].rules)
                for name in names
            }
            added: list[Counted] = []
            for number, rule in enumerate(rules):
                counted = Counted(_named(rule, kept[rule.match.test_id], number))
                kept[rule.match.test_id][counted.rule.id] = counted
                added.append(counted)
            if any(len(each) > MOST_RULES for each in kept.values()):
                raise InvalidRequestError(
                    [Violation("rules", f"a test may have {MOST_RULES:,} rules, and has some already")]
                )
            self._make_room(sum(name not in self._tests for name in kept))
            for name, counts in kept.items():
                self._test(name).rules = counts
        return [replace(each) for each in added]

    def _test(self, test_id: str) -> _Test:
        if test_id not in self._tests:
            self._make_room(1)
            self._tests[test_id] = _Test()
        return self._tests[test_id]

    def _make_room(self, tests: int) -> None:
        """Forget tests without rules if there are too many; raise if there are too many others."""
        if len(self._tests) + tests > _MOST_TESTS:
            self._tests = {name: test for name, test in self._tests.items() if not test.is_empty}
        if len(self._tests) + tests > _MOST_TESTS:
            message = f"there are faults of {_MOST_TESTS:,} tests already: reset those that have ended"
            raise ServiceError(Code.RESOURCE_EXHAUSTED, message)


def _choose(candidates: Sequence[Counted], call: Call) -> list[Rule]:
    subject = Subject(call)
    struck: list[Rule] = []
    for counted in candidates:
        if counted.take(subject):
            struck.append(counted.rule)
            if not counted.rule.fault.lets_on:
                break
    return struck


def _named(rule: Rule, others: Mapping[str, Counted], number: int) -> Rule:
    """Return a rule with an id that no other has.

    Raises:
        InvalidRequestError: its own id is that of another.
    """
    if rule.id in others:
        raise InvalidRequestError(
            [Violation(f"rules[{number}].id", f"{rule.id} is the id of another rule of the test")]
        )
    free = (name for n in count(1) if (name := f"fault-{n}") not in others)
    return rule if rule.id else replace(rule, id=next(free))


def _read(rules: object, test_id: str) -> list[Rule]:
    try:
        checks_of(Match)["test_id"].take(test_id)
    except ValueError as error:
        raise InvalidRequestError([Violation("test_id", str(error))]) from None
    return parse_rules(rules, test_id=test_id) if isinstance(rules, str | bytes) else read_rules(rules, test_id=test_id)
