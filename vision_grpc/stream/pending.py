"""An operation whose result a stream waits for."""

import math
from typing import NamedTuple

from vision_grpc.errors import Code, ServiceError, VisionError
from vision_grpc.events import OperationEnded
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.stream.batch import Entry
from vision_grpc.stream.effects import About

_LATE_FACTOR, _LATE_S = 8.0, 30.0
_KEPT = "results are kept for three days"


class Pending:
    """What is known of one operation."""

    __slots__ = (
        "attempts", "deadline", "doubt", "entry", "failures", "inquire_at", "is_done", "is_refreshed", "last_fault",
        "not_before_s", "operation_id", "polls", "refused", "since", "vain", "was_unreadable",
    )  # fmt: skip

    def __init__(
        self, entry: Entry, operation_id: str, since: float, deadline: float, *, expected_s: float, attempts: int
    ) -> None:
        self.entry = entry
        self.operation_id = operation_id
        self.since = since
        """When it was accepted, or the stream began to ask for it."""
        self.deadline = deadline
        self.attempts = attempts
        """How often this stream has sent the file; 0 for one that was accepted before."""
        self.inquire_at = since + min(max(_LATE_S, _LATE_FACTOR * expected_s), (deadline - since) / 2)
        """When it is late by far, and its status is asked for."""
        self.polls = self.failures = self.vain = 0
        self.not_before_s = 0.0
        """After what time the result was last found not to be there."""
        self.refused: str | None = None
        self.is_refreshed = self.is_done = self.was_unreadable = False
        self.last_fault = ""
        self.doubt = ""
        """What the service said of the result that sounds as if it did not know the operation."""

    def __repr__(self) -> str:
        # Without the secret.
        return f"Pending({self.operation_id}, {self.polls} polls)"

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return f"operation {self.operation_id}"

    def ended(self, now: float, code: Code, message: str) -> OperationEnded:
        """Return the event of its end."""
        return OperationEnded(self.entry[1], self.operation_id, now - self.since, self.polls, code, message)

    def result(self, error: ImageError) -> ImageResult:
        """Return the result of a file that has nothing but an error."""
        return ImageResult(self.entry[1], error=error, attempts=self.attempts, operation_id=self.operation_id)

    # Why there is no result, and what to do

    def not_in_time(self) -> ImageError:
        """Return the error of an operation that is given up."""
        fault = f"; the last question failed: {self.last_fault}" if self.last_fault else ""
        waited_s = self.deadline - self.since
        message = f"{self.name} has no result after {waited_s:.3g} s{fault}; {self._ask_later}"
        return ImageError(Code.DEADLINE_EXCEEDED, message, is_open=True)

    def refused_by(self, error: VisionError) -> ImageError:
        """Return the error of an operation about which no further question helps."""
        if error.code is Code.NOT_FOUND:
            return self.unknown(_words(error))
        advice = self._ask_later
        if error.code is Code.PERMISSION_DENIED:
            advice = "it may be of another folder: ask with that folder and its credentials"
        elif error.code is Code.INVALID_ARGUMENT:
            advice = ""  # The file or the id is wrong: which one, the service says.
        details = error.details if isinstance(error, ServiceError) else ()
        error.add_note(f"{self.name}: {advice}" if advice else self.name)
        is_open = error.code is not Code.INVALID_ARGUMENT
        message = f"{self.name}: {_words(error)}" + (f"; {advice}" if advice else "")
        return ImageError(error.code, message, details, self._cause(error), is_open=is_open)

    def unknown(self, words: str) -> ImageError:
        """Return the error of an operation that the service does not know."""
        message = f"{self.name} is not known to the service ({words}): {_KEPT}, so send the file again"
        return ImageError(Code.NOT_FOUND, message)

    def gone(self) -> ImageError:
        """Return the error of an operation that is done, and has no result."""
        return ImageError(Code.NOT_FOUND, f"{self.name} is done and has no result: {_KEPT}, so send the file again")

    def failed(self, error: ImageError) -> ImageError:
        """Return the error of an operation that the service says has failed or was cancelled."""
        if error.code is Code.CANCELLED:
            message = f"{self.name} was cancelled ({error.message}): send the file again"
        else:
            again = ": send the file again" if error.code.retryable else ""
            message = f"{error.message} ({self.name} failed{again})"
        return ImageError(error.code, message, error.details)

    @property
    def _ask_later(self) -> str:
        return f"ask again later, with PendingOperation({self.entry[1]!r}, {self.operation_id!r}): {_KEPT}"

    def _cause(self, error: VisionError) -> VisionError | None:
        # What the service says of this operation is the result; what it says of all calls, or what is in the way, ends
        # an `analyze`.
        is_own = isinstance(error, ServiceError) and error.code in {Code.PERMISSION_DENIED, Code.INVALID_ARGUMENT}
        return None if is_own else error


class Asked(NamedTuple):
    """A question under way."""

    pending: Pending
    about: About
    sent_at: float
    overdue_at: float
    authorization: str | None = None

    def __repr__(self) -> str:
        # Without the secret.
        return f"Asked({self.pending}, {self.about})"


def _words(error: VisionError) -> str:
    return error.message if isinstance(error, ServiceError) else str(error)


NEVER = math.inf
