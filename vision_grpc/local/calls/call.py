"""A call that has come, and the connection that it came by."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, Self

from google.protobuf.message import Message

from vision_grpc.local.calls.fate import NO_FATE, Fate
from vision_grpc.local.calls.images import images_of

FaceName = Literal["grpc", "rest"]

FOLDER_ID = "x-folder-id"
"""The metadata that says which folder pays, in APIs whose requests do not say it."""

TEST_ID = "x-test-id"
"""The metadata that keeps the faults and the log of one test apart from those of others."""


class CallIds(NamedTuple):
    """The ids of one call that support would ask for."""

    request_id: str
    trace_id: str

    @classmethod
    def make(cls) -> Self:
        """Return new ids."""
        return cls(str(uuid.uuid4()), uuid.uuid4().hex)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The ids as gRPC metadata or HTTP headers."""
        return (("x-request-id", self.request_id), ("x-server-trace-id", self.trace_id))


class Line(Protocol):
    """The connection that a call came by, as far as a fault may break it. The methods are called on the event loop."""

    def reset(self) -> None:
        """Break the connection off (TCP RST)."""

    def close(self) -> None:
        """Close the connection at once, without an answer (TCP FIN)."""

    def reset_call(self) -> None:
        """End this call alone, by RST_STREAM; over REST this is the same as `reset`."""

    def go_away(self) -> None:
        """Take no further call on this connection: GOAWAY, or `Connection: close` with the answer over REST."""

    def freeze(self) -> None:
        """Read and write nothing more, and leave the connection open."""


@dataclass(slots=True, eq=False)
class Call:
    """One call; what is known only later is filled in on the way."""

    face: FaceName
    method: str
    """The path of the method in gRPC, over REST too."""
    peer: str
    """The client's address, `host:port`."""
    metadata: Mapping[str, str] = field(repr=False)
    """Metadata or headers: names in lower case, several values of one name joined by a comma."""
    line: Line
    deadline: float | None = None
    """When the client stops waiting, by `time.monotonic`; None when it does not say."""
    ids: CallIds = field(default_factory=CallIds.make)
    arrived_at: float = field(default_factory=time.time)
    started_at: float = field(default_factory=time.monotonic)
    left: threading.Event = field(default_factory=threading.Event)
    """Set when the client has gone; may be read in any thread."""
    request: Message | None = None
    request_bytes: int = 0
    """The length of the body as it was sent."""
    account: str = ""
    """The id of the account that the credentials are of; empty where the service asks for none."""
    struck_by: tuple[str, ...] = ()
    """The ids of the fault rules that struck the call."""
    fate: Fate = NO_FATE
    """What these rules order for the operation that the call starts."""

    not_sent: Counter[str] = field(default_factory=Counter[str])
    """How many images a gateway did not send for this call: they were on its `tape`, or `under_way` for another one."""

    @property
    def images(self) -> int:
        """The number of images in the request; 0 until it is read."""
        return len(images_of(self.request))

    @property
    def folder_id(self) -> str:
        """The folder that the metadata names, empty for none."""
        return self.metadata.get(FOLDER_ID, "").strip()

    @property
    def test_id(self) -> str:
        """The test that the call belongs to, empty for none."""
        return self.metadata.get(TEST_ID, "")
