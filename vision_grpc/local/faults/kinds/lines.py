"""The connection breaks, in one way or another."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from vision_grpc.errors import Code
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.faults.checks import Whole
from vision_grpc.local.faults.fault import Fault, Match
from vision_grpc.messages import Status

_LOST = Reply(status=Status(code=Code.UNAVAILABLE, message="nothing is sent: a fault on command broke the connection"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(Fault):
    """The answer breaks off after so many bytes, and the connection closes."""

    kind: ClassVar[str] = "cut"
    main: ClassVar[str | None] = "bytes"
    bytes: Annotated[int, Whole(0, 1_000_000_000)] = 10

    def after(self, call: Call, reply: Reply, match: Match) -> Reply:
        return reply._replace(cut_after=self.bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(Fault):
    """The connection closes without an answer."""

    kind: ClassVar[str] = "close"

    async def before(self, call: Call) -> Reply | None:
        call.line.close()
        return _LOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(Fault):
    """The connection is reset without an answer, with all calls on it."""

    kind: ClassVar[str] = "reset"

    async def before(self, call: Call) -> Reply | None:
        call.line.reset()
        return _LOST


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetCall(Fault):
    """The call alone is reset (RST_STREAM); over REST the connection, which has no other call."""

    kind: ClassVar[str] = "reset-call"

    async def before(self, call: Call) -> Reply | None:
        call.line.reset_call()
        return _LOST


@dataclass(frozen=True, slots=True, kw_only=True)
class GoAway(Fault):
    """The call is answered, and the connection takes no more: GOAWAY; over REST `Connection: close`."""

    kind: ClassVar[str] = "goaway"

    async def before(self, call: Call) -> Reply | None:
        call.line.go_away()
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfOpen(Fault):
    """The connection stays open and goes silent, for all calls on it, as when a router forgets it."""

    kind: ClassVar[str] = "half-open"

    async def before(self, call: Call) -> Reply | None:
        call.line.freeze()
        return _LOST
