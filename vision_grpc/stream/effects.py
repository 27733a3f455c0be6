"""What a run asks of the shell that carries it out."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from vision_grpc.results import ImageResult
from vision_grpc.stream.batch import Config


class Send(NamedTuple):
    """Start a call; report its end to `succeeded` or `failed`, by its id."""

    call_id: int
    contents: Sequence[bytes]
    """The images. The run does not keep them during the call: the call has to."""
    deadline: float
    """When the call must have ended (monotonic seconds)."""
    timeout_s: float
    """The seconds until then, for error messages."""
    refused: str | None
    """The authorization of the last attempt, if the service refused it."""
    config: Config = None
    """What is asked about the images."""

    def __repr__(self) -> str:
        # It must show neither images nor a secret.
        return f"Send({self.call_id}, {len(self.contents)} images, {self.timeout_s:g} s)"


About: TypeAlias = Literal["recognition", "status"]
"""What is asked of an operation: its result, or whether it is done. These are the names in `vision_grpc.api.api`."""


class Fetch(NamedTuple):
    """Ask the service about an operation, in a call that is reported as one of `Send` is."""

    call_id: int
    operation_id: str
    about: About
    deadline: float
    """When the call must have ended (monotonic seconds)."""
    timeout_s: float
    """The seconds until then, for error messages."""
    refused: str | None
    """The authorization of the last question, if the service refused it."""

    @property
    def contents(self) -> Sequence[bytes]:
        """What stands in the request in place of images."""
        return [self.operation_id.encode()]

    def __repr__(self) -> str:
        # It must not show a secret.
        return f"Fetch({self.call_id}, {self.about} of {self.operation_id})"


class Forget(NamedTuple):
    """Stop waiting for a call that should have ended, and report it to `forgotten`."""

    call_id: int


class Pull(NamedTuple):
    """Take at most so many images from the source, and report them to `pulled`; go on in the meantime."""

    images: int


class Emit(NamedTuple):
    """Hand these results to the caller."""

    results: Sequence[ImageResult]


class Wait(NamedTuple):
    """Wait until a call ends, but no longer than until this time (monotonic seconds) if it is not None."""

    until: float | None


class Finish(NamedTuple):
    """End the stream: every image has its result."""


Effect = Send | Fetch | Forget | Pull | Emit | Wait | Finish
