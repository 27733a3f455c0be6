"""What a stream reports its work to. Its decisions do not depend on counts, events or logs."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from vision_grpc.errors import Code, VisionError
from vision_grpc.events import OperationEnded
from vision_grpc.results import Answer, ImageResult
from vision_grpc.stream.batch import Entry
from vision_grpc.stream.pending import Asked


class Observer(Protocol):
    """Receives reports of calls and results; all streams of a client may share one."""

    def call_started(
        self,
        entries: Sequence[Entry],
        content_bytes: int,
        attempt: int,
        throttled_s: float,
        *,
        previous: int | None = None,
    ) -> int:
        """Count a call that waited `throttled_s` seconds for the quota; return its id.

        `previous` is the call of the attempt before, None for the first one.
        """
        ...

    def call_ended(
        self,
        call_id: int,
        entries: Sequence[Entry],
        attempt: int,
        latency_s: float,
        outcome: Answer | VisionError,
    ) -> None:
        """Count a call that ended."""
        ...

    def calls_abandoned(self, calls: Iterable[tuple[int, Sequence[Entry], int, float]]) -> None:
        """Count calls that nothing waits for any more: id, images, attempt and time in seconds of each."""
        ...

    def retry_scheduled(self, entries: Sequence[Entry], wait_s: float, code: Code) -> None:
        """Count images that will be sent again."""
        ...

    def quota_learned(self, requests_per_s: float) -> None:
        """Take note of the rate that the service has turned out to let through now."""
        ...

    def service_missed(self, error: VisionError) -> None:
        """Take note that images wait for a service that is away."""
        ...

    def operation_accepted(self, call_id: int, entry: Entry, operation_id: str) -> None:
        """Count a file that the service has accepted in a call."""
        ...

    def operation_pending(self) -> None:
        """Count an operation whose result is waited for from now on."""
        ...

    def operation_ended(self, end: OperationEnded) -> None:
        """Count an operation that is not waited for any more."""
        ...

    def poll_started(self) -> int:
        """Count a question about an operation; return the id of its call."""
        ...

    def poll_ended(
        self, call_id: int, asked: Asked, now: float, outcome: Answer | VisionError, *, is_pending: bool
    ) -> None:
        """Take note of how a question ended; `is_pending`: the service says that the operation is under way."""
        ...

    def images_finished(self, results: Sequence[ImageResult]) -> None:
        """Count results."""
        ...
