"""The wait that the details of an error ask for."""

from collections.abc import Iterable

from vision_grpc.messages import Any, RetryInfo


def asked_wait_s(details: Iterable[Any]) -> float | None:
    """Return the wait that a google.rpc.RetryInfo among the details of an error asks for, in seconds."""
    for detail in details:
        if detail.Is(RetryInfo.DESCRIPTOR):
            info = RetryInfo()
            if detail.Unpack(info):
                return max(0.0, info.retry_delay.seconds + info.retry_delay.nanos / 1e9)
    return None
