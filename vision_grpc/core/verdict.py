"""What the failure of a whole call says about sending it again."""

from enum import Enum

from vision_grpc.errors import Code, ProtocolError, RequestTooLargeError, TransportError, VisionError


class Verdict(Enum):
    """What to do with the images of a call that failed."""

    RETRY = "send them again after a while"
    SLOW_DOWN = "send them again after a while, and fewer at once"
    SPLIT = "send each half by itself: one image may be what spoils the call, or there are too many bytes"
    REFRESH = "send them again with a fresh token"
    GIVE_UP = "nothing will help"

    @property
    def retry(self) -> bool:
        """Whether time may help."""
        return self in {Verdict.RETRY, Verdict.SLOW_DOWN}


OVERLOAD = frozenset({Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED})
"""Codes by which a service says that it has more to do than it can."""


def judge(error: VisionError) -> Verdict:
    """Return what to do about an error that ended a call."""
    if isinstance(error, RequestTooLargeError) or error.code is Code.INVALID_ARGUMENT:
        return Verdict.SPLIT
    if error.code is Code.UNAUTHENTICATED:
        return Verdict.REFRESH
    if error.code in OVERLOAD:
        return Verdict.SLOW_DOWN
    if error.code.retryable or isinstance(error, ProtocolError | TransportError):
        return Verdict.RETRY
    return Verdict.GIVE_UP
