"""Where the results of a run go."""

from typing import NamedTuple, Protocol

from vision_grpc.results import ImageResult
from vision_grpc.sources.fit import Change
from vision_grpc.sources.item import Item


class Sent(NamedTuple):
    """What is known about an image that was handed to the client."""

    item: Item
    started_at: float
    """When that was, as of `time.time`."""


class Sink(Protocol):
    """Where results go, such as a journal."""

    def write(self, result: ImageResult, sent: Sent, change: Change | None) -> None:
        """Keep a result; `change` is what was done to the image so that it could be sent."""
        ...

    def check_space(self) -> None:
        """Check that there is space for more results, before more is sent.

        Raises:
            Exception: there is none; the error says where.
        """
        ...
