"""What a run wants of the shell that carries it out."""

from collections.abc import Sequence
from typing import NamedTuple

from vision_grpc.results import ImageResult


class Send(NamedTuple):
    """Start a call, and tell `succeeded` or `failed` of it by its id."""

    call_id: int
    contents: Sequence[bytes]
    """The images. The run forgets them meanwhile: whoever sends them has a copy."""
    deadline: float
    """When it has to be over (monotonic seconds)."""
    timeout_s: float
    """The seconds until then, for error messages."""
    refused: str | None
    """The authorization of the last attempt, if the service refused it."""

    def __repr__(self) -> str:
        # Neither images nor a secret.
        return f"Send({self.call_id}, {len(self.contents)} images, {self.timeout_s:g} s)"


class Forget(NamedTuple):
    """Wait no more for a call that should be over, whatever became of it, and tell `forgotten`."""

    call_id: int


class Pull(NamedTuple):
    """Take up to so many images from the source, and tell `pulled`; meanwhile, go on."""

    images: int


class Emit(NamedTuple):
    """Hand these results to the caller."""

    results: Sequence[ImageResult]


class Wait(NamedTuple):
    """Wait until a call is done, or until this time (monotonic seconds) if there is one."""

    until: float | None


class Finish(NamedTuple):
    """End the stream: every image has its result."""


Effect = Send | Forget | Pull | Emit | Wait | Finish
