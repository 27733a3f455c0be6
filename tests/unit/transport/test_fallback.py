"""What the failure of a call over REST means for the next ones."""

from collections.abc import Callable, Iterator

import pytest
from google.protobuf.message import Message

from vision_grpc.api.api import Reply
from vision_grpc.errors import DeadlineError, MachineError, PathError, ReroutedError, TransportError, VisionError
from vision_grpc.messages import BatchAnalyzeRequest
from vision_grpc.network.deadline import Deadline
from vision_grpc.testing import MemoryTransport
from vision_grpc.transport.fallback import FallbackTransport


def _send(transport: FallbackTransport) -> Reply:
    return transport.send(BatchAnalyzeRequest(), None, Deadline.after(60), lambda: None).answer()


def _failing(errors: Iterator[VisionError], calls: list[str], name: str) -> MemoryTransport:
    def fail(_: object) -> Message:
        calls.append(name)
        raise next(errors)

    return MemoryTransport(fail)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "follows"),
    [
        (DeadlineError, "rest"),
        (MachineError, "rest"),
        (PathError, "grpc"),
        (TransportError, "grpc"),
    ],
)
def test_only_a_closed_or_broken_way_of_rest_makes_the_next_call_try_grpc(
    make: Callable[[str], VisionError], follows: str
) -> None:
    calls: list[str] = []
    grpc = _failing(iter([PathError("closed", lasting=True)] * 2), calls, "grpc")
    rest = _failing(iter([make("no")] * 2), calls, "rest")
    transport = FallbackTransport(grpc, lambda: rest, clock=lambda: 0.0)
    with pytest.raises(ReroutedError):
        _send(transport)
    for _ in range(2):
        with pytest.raises(VisionError):
            _send(transport)
    assert calls == ["grpc", "rest", follows]
