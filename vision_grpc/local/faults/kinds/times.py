"""The answer takes its time."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.faults.checks import Number
from vision_grpc.local.faults.fault import Fault, Match


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(Fault):
    """The call waits before it goes on; the rules after this one are tried too."""

    kind: ClassVar[str] = "latency"
    main: ClassVar[str | None] = "seconds"
    lets_on: ClassVar[bool] = True
    seconds: Annotated[float, Number(0, 3_600)]

    async def before(self, call: Call) -> Reply | None:
        await asyncio.sleep(self.seconds)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trickle(Fault):
    """The answer comes a few bytes at a time; the rules after this one are tried too."""

    kind: ClassVar[str] = "trickle"
    main: ClassVar[str | None] = "bytes_per_s"
    lets_on: ClassVar[bool] = True
    bytes_per_s: Annotated[float, Number(1, 1_000_000_000)]

    def after(self, call: Call, reply: Reply, match: Match) -> Reply:
        return reply._replace(bytes_per_s=self.bytes_per_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang(Fault):
    """No answer ever comes; the connection is alive, and other calls on it are answered."""

    kind: ClassVar[str] = "hang"

    async def before(self, call: Call) -> Reply | None:
        # The face cancels the call when its client leaves or the service ends.
        await asyncio.get_running_loop().create_future()
        return None
