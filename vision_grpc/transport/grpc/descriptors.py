"""Whether this process may open the files that gRPC needs."""

import os

from vision_grpc.errors import MachineError

# Measured with gRPC 1.85: with 4 descriptors left, a first call aborted the process, with 6 it got its answer.
_PIPES = 4
"""Each takes two descriptors."""


def check_descriptors() -> None:
    """Raise MachineError if gRPC might get too few file descriptors for its own events: it would abort the process."""
    opened: list[int] = []
    try:
        with MachineError.in_place("gRPC cannot connect"):
            for _ in range(_PIPES):
                opened += os.pipe()
    finally:
        for descriptor in opened:
            os.close(descriptor)
