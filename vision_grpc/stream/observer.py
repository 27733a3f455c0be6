"""What a stream reports its work to. Its decisions do not depend on counts, events or logs."""

from collections.abc import Iterable
from typing import Protocol

from vision_grpc.errors import Code, VisionError
from vision_grpc.results import Answer


class Observer(Protocol):
    """Receives reports of calls and results; all streams of a client may share one."""

    def call_started(self, images: int, content_bytes: int, attempt: int, throttled_s: float) -> int:
        """Count a call that waited `throttled_s` seconds for the quota; return its id."""
        ...

    def call_ended(self, call_id: int, images: int, latency_s: float, outcome: Answer | VisionError) -> None:
        """Count a call that ended."""
        ...

    def calls_abandoned(self, calls: Iterable[tuple[int, int, float]]) -> None:
        """Count calls that nothing waits for any more: id, images and time in seconds of each."""
        ...

    def retry_scheduled(self, images: int, wait_s: float, code: Code) -> None:
        """Count images that will be sent again."""
        ...

    def service_missed(self, error: VisionError) -> None:
        """Take note that images wait for a service that is away."""
        ...

    def images_finished(self, succeeded: int, failed: int) -> None:
        """Count results."""
        ...
