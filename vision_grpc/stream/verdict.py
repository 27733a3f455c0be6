"""What the failure of a whole call says about sending it again."""

from enum import Enum

from vision_grpc.errors import (
    Code,
    MachineError,
    PathError,
    ProtocolError,
    RequestTooLargeError,
    ReroutedError,
    ServiceError,
    VisionError,
)


class Verdict(Enum):
    """What to do with the images of a call that failed."""

    RETRY = "send them again after a while"
    SLOW_DOWN = "send them again after a while, and fewer at once"
    SPLIT = "send each half by itself: one image may spoil the call, or there are too many bytes"
    RESEND = "send them again at once: they were not sent, and now the fallback is used"
    REFRESH = "send them again with a fresh token"
    GIVE_UP = "nothing will help"

    @property
    def retry(self) -> bool:
        """Whether to send the images again after a while."""
        return self in {Verdict.RETRY, Verdict.SLOW_DOWN}


OVERLOAD = frozenset({Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED})
"""Codes of a service that has too much to do."""

_BY_CODE = {
    Code.INVALID_ARGUMENT: Verdict.SPLIT,
    Code.UNAUTHENTICATED: Verdict.REFRESH,
    **dict.fromkeys(OVERLOAD, Verdict.SLOW_DOWN),
    **dict.fromkeys([code for code in Code if code.retryable and code not in OVERLOAD], Verdict.RETRY),
}


def judge(error: VisionError, *, was_unreadable: bool = False) -> Verdict:
    """Return what to do about an error that ended a call.

    `was_unreadable`: an earlier answer for the same images could not be read either. Each such answer is billed, and
    the next one is no better.
    """
    if isinstance(error, ReroutedError):
        return Verdict.RESEND
    if isinstance(error, PathError) and error.lasting:
        return Verdict.GIVE_UP
    if isinstance(error, MachineError):
        # It says nothing about the service, which may well take as many calls as before.
        return Verdict.RETRY
    if isinstance(error, RequestTooLargeError):
        return Verdict.SPLIT
    if isinstance(error, ProtocolError):
        return Verdict.GIVE_UP if was_unreadable else Verdict.RETRY
    return _BY_CODE.get(error.code, Verdict.GIVE_UP)


def is_over_quota(error: VisionError) -> bool:
    """Return whether the service refused a call for a quota, which costs it nothing."""
    is_refusal = isinstance(error, ServiceError) and error.code is Code.RESOURCE_EXHAUSTED
    return is_refusal and not isinstance(error, RequestTooLargeError)


_UNKNOWN_END = frozenset({Code.CANCELLED, Code.UNKNOWN, Code.DEADLINE_EXCEEDED, Code.UNAVAILABLE})


def may_be_billed(error: VisionError) -> bool:
    """Return whether a call that failed may have been carried out: its answer was lost, or could not be read.

    Only successful analyses are billed. A gateway that gave up waiting does not know how the call ended.
    """
    if isinstance(error, PathError | MachineError):
        return False
    if isinstance(error, RequestTooLargeError | ProtocolError):
        # Of the former, the answer may be what was too large.
        return True
    return error.code in _UNKNOWN_END
