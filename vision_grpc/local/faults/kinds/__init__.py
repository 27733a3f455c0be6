"""The kinds of faults."""

from vision_grpc.local.faults.fault import Fault
from vision_grpc.local.faults.kinds.answers import (
    Extra,
    FeatureError,
    Garbage,
    ImageError,
    Oversized,
    Short,
    Swapped,
)
from vision_grpc.local.faults.kinds.lines import Close, Cut, GoAway, HalfOpen, Reset, ResetCall
from vision_grpc.local.faults.kinds.operations import (
    ExpiredOperation,
    FailedOperation,
    LateOperation,
    LostOperation,
    StuckOperation,
)
from vision_grpc.local.faults.kinds.statuses import Gateway, NoUpstream, Quota, StatusCode, TokenExpiry
from vision_grpc.local.faults.kinds.times import Hang, Latency, Trickle

KINDS: dict[str, type[Fault]] = {
    kind.kind: kind
    for kind in (
        StatusCode,
        Quota,
        TokenExpiry,
        Gateway,
        NoUpstream,
        Latency,
        Trickle,
        Hang,
        Short,
        Extra,
        Swapped,
        Garbage,
        Oversized,
        ImageError,
        FeatureError,
        Cut,
        Close,
        Reset,
        ResetCall,
        GoAway,
        HalfOpen,
        LateOperation,
        StuckOperation,
        FailedOperation,
        ExpiredOperation,
        LostOperation,
    )
}
"""By the names that rules call them by."""
