"""What is remembered of one call."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from vision_grpc.errors import Code
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.page.kept import Kept, KeptAnswer

_SHOWN_BYTES = 200


class Sent(NamedTuple):
    """What a fault sent in place of the answer."""

    bytes: int
    beginning: str

    @classmethod
    def of(cls, reply: Reply) -> Self | None:
        """Return what is sent in place of the message or the status, None if nothing is."""
        body = reply.body if reply.raw is None else reply.raw.body
        return None if body is None else cls(len(body), body[:_SHOWN_BYTES].decode("utf-8", "backslashreplace"))


@dataclass(slots=True, eq=False)
class Record:
    """A call, from when its headers came."""

    number: int
    """Counts from 1 in the order in which calls came."""
    id: str
    trace_id: str
    transport: str
    method: str
    peer: str
    test_id: str
    metadata: Mapping[str, str]
    """Without secrets."""
    replay_of: str
    """The id of the call that this one repeats, empty for none."""
    arrived_at: float
    """Wall clock time, in seconds."""
    started_at: float
    """By `time.monotonic`."""
    took_s: float | None = None
    """None while the call is under way."""
    code: Code | None = None
    message: str = ""
    """Why the call failed."""
    images: int = 0
    failed_images: int = 0
    request_bytes: int = 0
    answer_bytes: int = 0
    faults: str = ""
    """The ids of the fault rules that struck the call, empty for none."""
    operation: str = ""
    """The id of the operation that the call starts or asks about, empty for none."""
    request: Kept | None = None
    answer: KeptAnswer | None = None
    """The service's own answer."""
    sent: Sent | None = None

    @property
    def kept_bytes(self) -> int:
        """How many bytes of request and answer are remembered."""
        return sum(kept.size for kept in (self.request, self.answer) if kept is not None)

    @property
    def row(self) -> dict[str, Any]:
        """The call as a row of the log: JSON values."""
        return {
            "number": self.number,
            "id": self.id,
            "trace_id": self.trace_id,
            "time": datetime.fromtimestamp(self.arrived_at, UTC).isoformat(timespec="milliseconds"),
            "transport": self.transport,
            "method": self.method,
            "peer": self.peer,
            "test_id": self.test_id,
            "replay_of": self.replay_of,
            "ms": None if self.took_s is None else round(self.took_s * 1000, 1),
            "code": None if self.code is None else self.code.name,
            "message": self.message,
            "images": self.images,
            "failed_images": self.failed_images,
            "request_bytes": self.request_bytes,
            "answer_bytes": self.answer_bytes,
            "faults": self.faults,
            "operation": self.operation,
            "kept": self.request is not None,
        }
