"""A rule: which calls are struck, how often, and by what."""

from dataclasses import dataclass, field, fields
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any

from vision_grpc.contract.method import BATCH_ANALYZE, RECOGNIZE, grpc_path_of
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.images import features_of, images_of
from vision_grpc.local.calls.method import is_named
from vision_grpc.local.faults.checks import Whole
from vision_grpc.local.faults.fault import EVERY_TEST, NAMES, SUBMISSION, Fault, Match, key_digest_of

_MANY = 1_000_000_000
_SENT_IMAGES = {grpc_path_of(BATCH_ANALYZE), grpc_path_of(RECOGNIZE), SUBMISSION}


class Subject:
    """A call, as rules look at it."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.images = images_of(call.request)
        self.features = features_of(call.request)

    @cached_property
    def digests(self) -> list[str]:
        """The SHA-256 of each image, worked out once for all rules."""
        return [sha256(image).hexdigest() for image in self.images]

    @cached_property
    def key_digest(self) -> str | None:
        """The SHA-256 of the API key or token."""
        return key_digest_of(self.call)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Its calls are counted in the order in which their requests are there."""

    fault: Fault
    id: Annotated[str, NAMES] = ""
    """The name of the rule among those of its test; empty if it has none yet."""
    match: Match = field(default_factory=Match)
    after: Annotated[int, Whole(0, _MANY)] = 0
    """How many matching calls are let pass first."""
    every: Annotated[int, Whole(1, _MANY)] = 1
    """Of the others, each Nth is struck."""
    times: Annotated[int, Whole(1, _MANY)] | None = None
    """How many calls are struck at most; None means no end."""

    @property
    def counts(self) -> bool:
        """Whether the rule strikes some of the calls that match it and not others."""
        return self.after > 0 or self.every > 1 or self.times is not None

    def matches(self, subject: Subject) -> bool:
        """Return whether the rule is for a call."""
        match, call = self.match, subject.call
        if not _is_for(match.method, call.method) or not self.fault.can_strike(call.method):
            return False
        if match.transport not in (None, call.face) or match.test_id not in (EVERY_TEST, call.test_id):
            return False
        if match.images not in (None, len(subject.images)) or not self.fault.fits(subject.features):
            return False
        if match.key_digest is not None and not (subject.key_digest or "").startswith(match.key_digest):
            return False
        return match.digest is None or any(digest.startswith(match.digest) for digest in subject.digests)

    def is_due(self, seen: int) -> bool:
        """Return whether the matching call with this number, from 1, is struck."""
        turn, rest = divmod(seen - self.after, self.every)
        return turn >= 1 and rest == 0 and (self.times is None or turn <= self.times)

    def to_json(self) -> dict[str, Any]:
        """Return the rule as it is written in JSON; what it does not say is left out."""
        tree: dict[str, Any] = {"id": self.id, "kind": self.fault.kind, **_told(self.fault)}
        for name in ("after", "every", "times"):
            if getattr(self, name) != Rule.__dataclass_fields__[name].default:
                tree[name] = getattr(self, name)
        if match := _told(self.match):
            tree["match"] = match
        return tree


def _is_for(wanted: str | None, method: str) -> bool:
    if wanted is None:
        return method in _SENT_IMAGES
    return wanted == "*" or is_named(method, wanted)


def _told(value: Fault | Match) -> dict[str, Any]:
    return {each.name: told for each in fields(value) if (told := getattr(value, each.name)) != each.default}
