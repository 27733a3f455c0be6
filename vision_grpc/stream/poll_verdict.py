"""What the failure of a question about an operation says about asking again."""

from vision_grpc.errors import (
    Code,
    MachineError,
    PathError,
    RequestTooLargeError,
    ServiceError,
    TransportError,
    VisionError,
)
from vision_grpc.stream.pending import Pending
from vision_grpc.stream.verdict import OVERLOAD

# What the service says, in gRPC and in REST alike, of a result that it does not have yet.
_NOT_READY = "not ready"
# So long a part of the service may not know yet what another one has accepted.
_SPREADS_WITHIN_S = 10.0

# A gateway or the service itself has cancelled the call; of an operation that was cancelled, the status says so.
_ODD = frozenset({Code.CANCELLED, Code.UNKNOWN})


def is_not_ready(error: VisionError, pending: Pending, now: float) -> bool:
    """Return whether a question failed because the result is not there yet."""
    if not isinstance(error, ServiceError) or error.code is not Code.NOT_FOUND:
        return False
    is_new = pending.attempts > 0 and now - pending.since < _SPREADS_WITHIN_S
    return is_new or _NOT_READY in error.message.lower()


def is_passing(error: VisionError, *, was_there: bool) -> bool:
    """Return whether the same question may be answered later; `was_there`: the service has answered before.

    A way that is closed for good is not waited for, unless it was open before.
    """
    if isinstance(error, RequestTooLargeError):
        return False
    if isinstance(error, PathError):
        return was_there or not error.lasting
    if isinstance(error, TransportError | MachineError):
        return True
    return error.code.retryable or error.code in _ODD


def is_of_all_calls(error: VisionError) -> bool:
    """Return whether the failure is in the way of all questions."""
    return not isinstance(error, ServiceError) or error.code in OVERLOAD
