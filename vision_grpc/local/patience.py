"""How long a picture may be read."""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

from vision_grpc.errors import Code
from vision_grpc.messages import Status

# An answer with an error for one image is worth more to the client than none for all of them, so a picture is left this
# long before the client stops waiting. Of shorter calls, that would be too much.
_ANSWER_S = 1.0
_SHORT_CALL_S = 4.0
# A picture that had this part of the call's time for itself will not be read if the call is repeated.
_HOPELESS = 0.8


class Patience(NamedTuple):
    """How long a client waits for the answer to its call."""

    has_left: Callable[[], bool] = lambda: False
    """Whether it has stopped waiting. May be asked in any thread."""
    began_at: float = -math.inf
    """When it began to wait, by `time.monotonic`."""
    deadline: float = math.inf
    """When it will stop."""


class TimeLimit:
    """Says when the reading of one picture, which begins now, has to end."""

    def __init__(self, patience: Patience, limit_s: float | None) -> None:
        self._patience = patience
        self._limit_s = math.inf if limit_s is None else limit_s
        self._began_at = time.monotonic()
        self._call_ends_at = last_moment(patience)
        self._ends_at = min(self._began_at + self._limit_s, self._call_ends_at)

    def give_up(self) -> bool:
        """Return whether to read no further: the time is over, or nobody waits for the text."""
        return time.monotonic() >= self._ends_at or self._patience.has_left()

    def has_client_left(self) -> bool:
        """Return whether nobody waits for the text."""
        return self._patience.has_left()

    @property
    def status(self) -> Status:
        """The error of a picture whose time was over. Clients repeat the call only if that may help."""
        given_s = max(0.0, self._ends_at - self._began_at)
        if self._ends_at < self._call_ends_at:
            message = (
                f"the text was not read to its end within {given_s:g} s, the limit of this service: cut the picture "
                "into parts, or let the service take longer (--recognition-seconds)"
            )
            return Status(code=Code.FAILED_PRECONDITION, message=message)
        whole_s = self._call_ends_at - self._patience.began_at
        message = f"the text was not read to its end within the {given_s:.1f} s that the call's deadline left for it"
        if given_s < _HOPELESS * whole_s:
            return Status(code=Code.DEADLINE_EXCEEDED, message=f"{message}: call again with fewer images")
        message = f"{message}: call with a later deadline, or cut the picture into parts"
        return Status(code=Code.FAILED_PRECONDITION, message=message)


def last_moment(patience: Patience) -> float:
    """Return when the pictures of a call have to be left so that its answer is in time; never if it is too short."""
    if patience.deadline - patience.began_at < _SHORT_CALL_S:
        return math.inf
    return patience.deadline - _ANSWER_S
