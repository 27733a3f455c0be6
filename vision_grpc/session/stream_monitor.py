"""What a stream reports to the monitor of its client: as part of the work in which the stream was made."""

from collections.abc import Iterable, Mapping, Sequence
from contextvars import Context

from vision_grpc.errors import Code, VisionError
from vision_grpc.events import OperationEnded
from vision_grpc.results import Answer, ImageResult
from vision_grpc.session.client_log import FailureLog
from vision_grpc.session.destination import UNKNOWN, Destination
from vision_grpc.session.monitor import Monitor
from vision_grpc.stream.batch import Entry
from vision_grpc.stream.effects import About
from vision_grpc.stream.pending import Asked


class StreamMonitor:
    """The observer of one stream.

    Hooks and loggers see the context variables of where the stream was made, though it may be read by another thread
    or task: tracing keeps the current span there, and structured logging what it binds.
    """

    def __init__(
        self,
        monitor: Monitor,
        context: Context,
        to: Destination = UNKNOWN,
        polled: Mapping[About, Destination] | None = None,
    ) -> None:
        """`to` is where images are sent, and `polled` where operations are asked about."""
        self._monitor = monitor
        self._context = context
        self._to = to
        self._polled: Mapping[About, Destination] = {} if polled is None else polled
        self._failures = FailureLog()

    def call_started(
        self,
        entries: Sequence[Entry],
        content_bytes: int,
        attempt: int,
        throttled_s: float,
        *,
        previous: int | None = None,
    ) -> int:
        """Count a call; return its id."""
        started = self._monitor.call_started
        return self._here.run(started, entries, content_bytes, attempt, throttled_s, previous=previous, to=self._to)

    def call_ended(
        self,
        call_id: int,
        entries: Sequence[Entry],
        attempt: int,
        latency_s: float,
        outcome: Answer | VisionError,
    ) -> None:
        """Count a call that ended."""
        self._here.run(self._monitor.call_ended, call_id, entries, attempt, latency_s, outcome)

    def calls_abandoned(self, calls: Iterable[tuple[int, Sequence[Entry], int, float]]) -> None:
        """Count calls that nothing waits for any more."""
        self._here.run(self._monitor.calls_abandoned, calls)

    def retry_scheduled(self, entries: Sequence[Entry], wait_s: float, code: Code) -> None:
        """Count images that will be sent again."""
        self._here.run(self._monitor.retry_scheduled, entries, wait_s, code)

    def quota_learned(self, requests_per_s: float) -> None:
        """Take note of the rate that the service lets through."""
        self._here.run(self._monitor.quota_learned, requests_per_s)

    def service_missed(self, error: VisionError) -> None:
        """Warn that images wait for a service that is away."""
        self._here.run(self._monitor.service_missed, error)

    def operation_accepted(self, call_id: int, entry: Entry, operation_id: str) -> None:
        """Count a file that the service has accepted in a call."""
        self._here.run(self._monitor.operation_accepted, call_id, entry, operation_id)

    def operation_pending(self) -> None:
        """Count an operation whose result is waited for from now on."""
        self._monitor.operation_pending()

    def operation_ended(self, end: OperationEnded) -> None:
        """Count an operation that is not waited for any more."""
        self._here.run(self._monitor.operation_ended, end)

    def poll_started(self) -> int:
        """Count a question about an operation; return the id of its call."""
        return self._monitor.poll_started()

    def poll_ended(
        self, call_id: int, asked: Asked, now: float, outcome: Answer | VisionError, *, is_pending: bool
    ) -> None:
        """Take note of how a question ended."""
        to = self._polled.get(asked.about, UNKNOWN)
        self._here.run(self._monitor.poll_ended, call_id, asked, now, outcome, is_pending=is_pending, to=to)

    def images_finished(self, results: Sequence[ImageResult]) -> None:
        """Count results, and log those that failed."""
        self._here.run(self._finish, results)

    def _finish(self, results: Sequence[ImageResult]) -> None:
        self._failures.log(results)
        self._monitor.images_finished(results)

    @property
    def _here(self) -> Context:
        # A copy, which costs next to nothing: a hook may end another stream of the same context.
        return self._context.copy()
