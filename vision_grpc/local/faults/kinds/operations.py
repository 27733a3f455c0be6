"""The file that a call submits is accepted, and its operation does not go on as it should."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vision_grpc.errors import Code
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.faults.checks import Number
from vision_grpc.local.faults.fault import SUBMISSION, Fault
from vision_grpc.local.faults.kinds.statuses import CODES, MESSAGES
from vision_grpc.messages import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class LateOperation(Fault):
    """The result is not ready before so many seconds; the rules after this one are tried too."""

    kind: ClassVar[str] = "late-operation"
    main: ClassVar[str | None] = "ready_after_s"
    method: ClassVar[str | None] = SUBMISSION
    lets_on: ClassVar[bool] = True
    ready_after_s: Annotated[float, Number(0, 1_000_000)]

    async def before(self, call: Call) -> Reply | None:
        call.fate = call.fate._replace(ready_after_s=self.ready_after_s)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckOperation(Fault):
    """The result is never ready."""

    kind: ClassVar[str] = "stuck-operation"
    method: ClassVar[str | None] = SUBMISSION

    async def before(self, call: Call) -> Reply | None:
        call.fate = call.fate._replace(ready_after_s=math.inf)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedOperation(Fault):
    """The operation ends with an error."""

    kind: ClassVar[str] = "failed-operation"
    main: ClassVar[str | None] = "code"
    method: ClassVar[str | None] = SUBMISSION
    code: Annotated[str, CODES]
    message: Annotated[str, MESSAGES] = "a fault on command"

    async def before(self, call: Call) -> Reply | None:
        call.fate = call.fate._replace(error=Status(code=Code[self.code], message=self.message))
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredOperation(Fault):
    """The result is not kept, or for so many seconds."""

    kind: ClassVar[str] = "expired-operation"
    main: ClassVar[str | None] = "kept_s"
    method: ClassVar[str | None] = SUBMISSION
    kept_s: Annotated[float, Number(0, 1_000_000)] = 0

    async def before(self, call: Call) -> Reply | None:
        call.fate = call.fate._replace(kept_s=self.kept_s)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class LostOperation(Fault):
    """The service knows nothing of the operation any more, as after a restart."""

    kind: ClassVar[str] = "lost-operation"
    method: ClassVar[str | None] = SUBMISSION

    async def before(self, call: Call) -> Reply | None:
        call.fate = call.fate._replace(is_lost=True)
        return None
