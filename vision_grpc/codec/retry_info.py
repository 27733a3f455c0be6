"""The wait that the details of an error ask for."""

from collections.abc import Iterable

from google.protobuf.message import DecodeError

from vision_grpc.messages import Any, RetryInfo

LONGEST_WAIT_S = 315_576_000_000.0
"""The longest duration there is, ten thousand years in seconds (google/protobuf/duration.proto)."""


def asked_wait_s(details: Iterable[Any]) -> float | None:
    """Return the wait that a google.rpc.RetryInfo among the details of an error asks for, in seconds.

    Of several the longest counts, and what is not valid does not. Less than nothing means no wait.
    """
    waits = [_wait_s(detail) for detail in details if detail.Is(RetryInfo.DESCRIPTOR)]
    return max((wait_s for wait_s in waits if wait_s is not None), default=None)


def retry_info(wait_s: float) -> RetryInfo:
    """Return what asks for a wait; one that is too long for it becomes the longest."""
    info = RetryInfo()
    seconds, fraction = divmod(min(wait_s, LONGEST_WAIT_S), 1.0)
    info.retry_delay.seconds, info.retry_delay.nanos = int(seconds), int(fraction * 1e9)
    return info


def _wait_s(detail: Any) -> float | None:
    try:
        info = RetryInfo.FromString(detail.value)
    except DecodeError:
        return None
    if not info.HasField("retry_delay"):
        return None
    return min(max(0.0, info.retry_delay.seconds + info.retry_delay.nanos / 1e9), LONGEST_WAIT_S)
