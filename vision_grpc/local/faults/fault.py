"""One thing that can go wrong with a call: what all kinds have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, ClassVar

from vision_grpc.contract.method import RECOGNIZE_DEFERRED, grpc_path_of
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.faults.checks import Digest, OneOf, Text, Whole

NAMES = Text(100, r"[A-Za-z0-9._~-]+", ", of letters, digits and ._~-")
"""What the ids of rules are made of: they stand in URLs."""

SUBMISSION = grpc_path_of(RECOGNIZE_DEFERRED)
"""The method that is sent a file and answers without its text."""

EVERY_TEST = "*"
"""The test id of rules that are for all calls, with any test id or without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which calls a rule is for; None means any."""

    method: Annotated[str, Text(200)] | None = None
    """The method: `Recognize`, `TextRecognitionAsyncService/Recognize`, or its whole path in gRPC; `*` for all methods,
    None for those that are sent images."""
    transport: Annotated[str, OneOf(("grpc", "rest"))] | None = None
    digest: Annotated[str, Digest("an image's bytes")] | None = None
    """The beginning of the SHA-256 of an image's bytes; the call has such an image."""
    key_digest: Annotated[str, Digest("an API key or token")] | None = None
    """The beginning of the SHA-256 of the API key or token that the call carries, without the scheme before it."""
    images: Annotated[int, Whole(1, 1_000)] | None = None
    """How many images the call has."""
    test_id: Annotated[str, Text(200, r"([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)?", " of ASCII")] = ""
    """The test that the call belongs to; empty for calls without a test id, `*` for all calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong. Each kind has a class, whose fields are the fields of its rules."""

    kind: ClassVar[str] = ""
    main: ClassVar[str | None] = None
    """The field that a text sets by `kind=value`."""
    lets_on: ClassVar[bool] = False
    """Whether the rules after this one are tried too."""
    revokes: ClassVar[bool] = False
    """Whether the credentials of the call are refused from now on."""
    method: ClassVar[str | None] = None
    """The only method whose calls can be struck, as its path in gRPC; None for all."""
    changes_results: ClassVar[bool] = False
    """Whether it needs an answer with the results of images, which that to a submission is not."""
    least_images: ClassVar[int] = 0
    """How many images a call must have to be struck."""

    @classmethod
    def can_strike(cls, method: str) -> bool:
        """Return whether calls of a method can be struck."""
        return cls.method in (None, method) and not (cls.changes_results and method == SUBMISSION)

    def fits(self, features: Sequence[int]) -> bool:
        """Return whether a call can be struck whose images have so many features each."""
        return len(features) >= self.least_images

    async def before(self, call: Call) -> Reply | None:  # noqa: ARG002 - for kinds that act then
        """Return the reply in place of the service's, None to let the call pass."""
        return None

    def after(self, call: Call, reply: Reply, match: Match) -> Reply:  # noqa: ARG002
        """Return what is sent in place of a reply."""
        return reply


def key_digest_of(call: Call) -> str | None:
    """Return the SHA-256 of the API key or token of a call, None if it has neither. The secret itself is not kept."""
    authorization = call.metadata.get("authorization")
    if authorization is None:
        return None
    _, _, secret = authorization.partition(" ")
    return sha256((secret or authorization).encode()).hexdigest()


def has_digest(image: bytes, digest: str) -> bool:
    """Return whether the SHA-256 of an image begins with these digits."""
    return sha256(image).hexdigest().startswith(digest)
