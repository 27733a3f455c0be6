"""Who is told what a stream does, as the core sees it: counts, events and logs are its own affair."""

from collections.abc import Iterable
from typing import Protocol

from vision_grpc.errors import Code, VisionError
from vision_grpc.results import Answer


class Observer(Protocol):
    """Takes note of calls and results; all streams of a client may share one."""

    def call_started(self, images: int, content_bytes: int, attempt: int, throttled_s: float) -> int:
        """Take note of a call that waited `throttled_s` seconds for the quota; return its id."""
        ...

    def call_ended(self, call_id: int, images: int, latency_s: float, outcome: Answer | VisionError) -> None:
        """Take note of how a call ended."""
        ...

    def calls_abandoned(self, calls: Iterable[tuple[int, int, float]]) -> None:
        """Take note of calls that nobody waits for any more: id, images and time in seconds of each."""
        ...

    def retry_scheduled(self, images: int, wait_s: float, code: Code) -> None:
        """Take note of images that will be sent again."""
        ...

    def images_finished(self, succeeded: int, failed: int) -> None:
        """Take note of results."""
        ...
