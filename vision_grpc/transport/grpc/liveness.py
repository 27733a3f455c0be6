"""Whether a connection is dead, by how its calls end: gRPC itself leaves that to the kernel, which takes 15 minutes.

A gateway or balancer forgets an idle connection without a word, and a server may hang: what is sent then is never
answered. A slow service must not be mistaken for that, so the answers to other calls count for all calls.
"""

from enum import Enum

DIAL_S = 5.0
"""The longest time that a connection may take. As long, the silence of one that is being made means nothing."""

# A call whose time is over, while the answers to others stopped only shortly before, says that the service is slow.
# Those answers may be to calls that left just before it, so its whole time would be too much to ask for.
_SILENT_PART = 0.5
# gRPC does not tell when the beginning of an answer came. A slow service that begins at once, or says now and then that
# the time is over, is not to get new connections faster than this, however short the time of a call is.
_BEGUN_S = 1.0
# Where new connections are silent too, the service is slow rather than they are dead: each is given twice the time.
_IN_VAIN_S = 1.0
_MOST_DOUBLINGS = 6


class Sign(Enum):
    """What the end of a call says about its connection."""

    HEARD = "the peer has just sent something"
    BROKEN = "the connection ended or did not come about; gRPC opens another one"
    LATE = "the time was over, and nothing had come"
    BEGUN = "the time was over, and the beginning of an answer had come"
    SLOW = "the peer has just said that the time was over"
    CANCELLED = "the call was given up, and nothing had come"


class Liveness:
    """What is known of one connection. Times are monotonic seconds."""

    __slots__ = ("is_heard", "is_slow", "silent_since")

    def __init__(self) -> None:
        self.is_heard: bool = False
        """Whether anything has ever come from the peer."""
        self.is_slow: bool = False
        """Whether the last that came from the peer is that it was too slow."""
        self.silent_since: float | None = None
        """Since when nothing has come although an answer was due; None: nothing is due.

        It outlasts calls that end without an answer, so that the silences of calls in a row add up."""

    def started(self, now: float) -> None:
        """Take note that a call was sent, and an answer is due."""
        if self.silent_since is None:
            self.silent_since = now

    def ended(self, sign: Sign, allowed_s: float, now: float, calls_left: int) -> float:
        """Take note of the end of a call that had so much time; return how long the connection has been silent."""
        if sign in {Sign.HEARD, Sign.SLOW, Sign.BROKEN}:
            self.is_heard = sign is not Sign.BROKEN
            self.is_slow = sign is Sign.SLOW
            self.silent_since = now if calls_left else None
            return 0.0
        silent_since = now if self.silent_since is None else self.silent_since
        if sign is Sign.BEGUN:
            self.is_heard = True
            silent_since = max(silent_since, now - allowed_s)
        self.silent_since = silent_since
        return now - silent_since

    def patience_s(self, sign: Sign, allowed_s: float, *, is_connected: bool, in_vain: int) -> float:
        """Return how long the connection may be silent before it is taken for dead.

        `allowed_s` is the time that the call that has just ended was given. `in_vain` counts the connections in a row
        that were replaced because nothing ever came over them.
        """
        if sign is Sign.CANCELLED or not (self.is_heard or is_connected):
            return DIAL_S
        least_s = allowed_s * _SILENT_PART
        if sign is Sign.BEGUN or self.is_slow:
            return max(least_s, _BEGUN_S)
        if in_vain and not self.is_heard:
            return max(least_s, _IN_VAIN_S * 2.0 ** min(in_vain - 1, _MOST_DOUBLINGS))
        return least_s
