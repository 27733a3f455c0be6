"""The tape: answers that were got before, found again by what was sent for them."""

from vision_grpc.tape.census import Kind, Stats, Sum
from vision_grpc.tape.digest import digest
from vision_grpc.tape.errors import TapeError
from vision_grpc.tape.prune import Pruned
from vision_grpc.tape.recording import Recording
from vision_grpc.tape.tape import Mode, Tape
from vision_grpc.tape.verify import Finding, Verified

__all__ = [
    "Finding",
    "Kind",
    "Mode",
    "Pruned",
    "Recording",
    "Stats",
    "Sum",
    "Tape",
    "TapeError",
    "Verified",
    "digest",
]
