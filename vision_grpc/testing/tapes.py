"""Answers that a service gave before, in place of a service."""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from vision_grpc.session.default_tape import DEFAULT_TAPE
from vision_grpc.tape import Recording, Tape
from vision_grpc.tape.tape import Mode


@contextmanager
def recorded(tape: str | os.PathLike[str] | Tape, *, mode: Mode = "none") -> Generator[Tape, None, None]:
    """Let each client that is made meanwhile, and is given no `cache`, have its answers from a tape.

        with recorded("tapes/receipts"):
            assert total_of("receipt.png") == 42

    With the mode `none` nothing is sent, and no credentials are needed; `once` sends what is not on the tape, `all`
    everything, and both record it. A `Tape` has a mode of its own.

    Raises:
        ValueError: there can be no tape at that place, or no such mode.
    """
    used = tape if isinstance(tape, Tape) else Tape(tape, mode=mode)
    DEFAULT_TAPE.push(used)
    try:
        yield used
    finally:
        DEFAULT_TAPE.remove(used)


class WatchedTape(Tape):
    """A tape that says how many of the images that are asked about it does not have."""

    on_missing: Callable[[int], None] | None = None

    def find(self, digests: Sequence[str]) -> Sequence[Recording | None]:
        """Return what is on the tape; see `Tape.find`."""
        found = super().find(digests)
        if self.on_missing is not None and (missing := sum(recording is None for recording in found)):
            self.on_missing(missing)
        return found
