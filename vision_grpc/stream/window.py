"""The calls of a stream that are in flight, and how much more may be."""

from vision_grpc.config import Limits
from vision_grpc.stream.batch import Attempt
from vision_grpc.stream.throttle import Throttle

OVERDUE_S = 5.0
"""How long after its deadline the stream waits for a call that does not end by itself, as every call should."""


class Window:
    """Counts calls and bytes against the limits of a stream, and knows which call is overdue."""

    def __init__(self, limits: Limits, throttle: Throttle) -> None:
        self._limits = limits
        self._throttle = throttle
        self._bytes_in_flight = 0
        self.bytes_held = 0
        """The bytes of the images that the stream has taken from its source and that have no result."""
        self.attempts: dict[int, Attempt] = {}
        """Those in flight by the id of the call, the oldest first."""

    def is_open(self, delayed: int) -> bool:
        """Whether the stream may take more images. So many batches wait for another attempt.

        They count, for an outage must not fill the memory.
        """
        held = len(self.attempts) + delayed
        most = min(self._limits.calls_in_flight, self._throttle.calls)
        return held < most and self.bytes_held < self._limits.bytes_in_flight

    def has_room(self, content_bytes: int) -> bool:
        """Whether a call of so many bytes may start now. One call always may."""
        if not self.attempts:
            return True
        return (
            len(self.attempts) < self._throttle.calls
            and self._bytes_in_flight + content_bytes <= self._limits.bytes_in_flight
        )

    def start(self, call_id: int, attempt: Attempt) -> None:
        """Count a call."""
        self.attempts[call_id] = attempt
        self._bytes_in_flight += attempt.content_bytes

    def authorize(self, call_id: int, authorization: str | None, now: float) -> None:
        """Keep the authorization of a call that leaves only now."""
        self.attempts[call_id] = self.attempts[call_id].authorized(authorization, now)

    def end(self, call_id: int) -> Attempt:
        """Stop counting a call, and return its attempt."""
        attempt = self.attempts.pop(call_id)
        self._bytes_in_flight -= attempt.content_bytes
        return attempt

    def overdue(self, now: float) -> int | None:
        """Return the oldest call if it should have ended long ago: something holds it up that keeps no deadline."""
        if not self.attempts:
            return None
        call_id, attempt = next(iter(self.attempts.items()))
        if now < attempt.overdue_at:
            return None
        if now > attempt.overdue_at + OVERDUE_S:
            # The shell was held up, its event loop perhaps: it first has to report what happened meanwhile.
            self.attempts[call_id] = attempt._replace(overdue_at=now + OVERDUE_S)
            return None
        return call_id

    @property
    def overdue_at(self) -> float | None:
        """When the oldest call is overdue; None when no call is in flight."""
        return next(iter(self.attempts.values())).overdue_at if self.attempts else None
