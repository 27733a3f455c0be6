"""What goes wrong with a service in the middle of a stream: the rows of the fault matrix.

A fault sees each request, with its number from 1, before the service does. It returns a misdeed in place of the answer,
or None for a good answer; it may also act on the front that all connections pass.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from front import Door, Front
from scripted_service import Reply, answer, numbers_of

from vision_grpc import Timeouts
from vision_grpc.errors import Code, RequestTooLargeError, ServiceError
from vision_grpc.local.faults.kinds.lines import Close
from vision_grpc.local.faults.kinds.statuses import NoUpstream
from vision_grpc.local.faults.kinds.times import Hang
from vision_grpc.messages import BatchAnalyzeRequest, Status

_BEGINS_AT = 12
"""The request at which a fault begins: the stream is in full swing."""


@dataclass
class Stage:
    """What a fault may act on."""

    front: Front
    away_s: float
    """How long the service is away, in seconds."""
    began_at: float | None = None
    notes: set[int] = field(default_factory=set)
    """What a fault remembers: the images that it has struck."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_away(self) -> bool:
        """Whether a fault that lasts `away_s` has begun and not ended."""
        return self.began_at is not None and time.monotonic() < self.began_at + self.away_s

    def strike(self, number: int) -> bool:
        """Return True the first time for each number."""
        with self.lock:
            is_first = number not in self.notes
            self.notes.add(number)
            return is_first


Act = Callable[[Stage, BatchAnalyzeRequest, int], Reply | None]


@dataclass(frozen=True)
class Fault:
    """A row of the matrix."""

    act: Act
    most_repeated: int
    """The most calls whose answers may get lost on the way, so that their images are answered again."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Arguments of the client."""
    door: Door = Door.OPEN
    """What happens to connections in the first `away_s`."""


_WINDOW = 8


def _none(_stage: Stage, _request: BatchAnalyzeRequest, _number: int) -> None:
    return None


def _goes_away(door: Door) -> Act:
    def act(stage: Stage, _request: BatchAnalyzeRequest, number: int) -> Reply | None:
        if number == _BEGINS_AT:
            stage.front.away(door, stage.away_s)
            return Close()
        return None

    return act


def _has_no_upstream(stage: Stage, _request: BatchAnalyzeRequest, number: int) -> Reply | None:
    if number == _BEGINS_AT:
        stage.began_at = time.monotonic()
    return NoUpstream() if stage.is_away else None


def _says_for_a_while(code: Code) -> Act:
    def act(stage: Stage, _request: BatchAnalyzeRequest, number: int) -> Reply | None:
        if number == _BEGINS_AT:
            stage.began_at = time.monotonic()
        return ServiceError(code, "not now") if stage.is_away else None

    return act


def _says_now_and_then(code: Code) -> Act:
    def act(_stage: Stage, _request: BatchAnalyzeRequest, number: int) -> Reply | None:
        return ServiceError(code, "not this time") if number % 5 == 0 else None

    return act


def _asks_to_wait(_stage: Stage, _request: BatchAnalyzeRequest, number: int) -> Reply | None:
    return ServiceError(Code.RESOURCE_EXHAUSTED, "a quota", retry_after_s=1) if number % 11 == 0 else None


def _cuts_now_and_then(stage: Stage, _request: BatchAnalyzeRequest, number: int) -> Reply | None:
    if number % 10 == 0:
        stage.front.cut()
        return Close()
    return None


def _are_new(stage: Stage, request: BatchAnalyzeRequest) -> bool:
    """Strike images: after a second answer that cannot be read, which is billed too, a client gives them up."""
    return all(stage.strike(image) for image in numbers_of(request))


def _answers_nonsense_now_and_then(stage: Stage, request: BatchAnalyzeRequest, number: int) -> Reply | None:
    return b"\xff<html>" if number % 9 == 0 and _are_new(stage, request) else None


def _answers_too_few(stage: Stage, request: BatchAnalyzeRequest, number: int) -> Reply | None:
    if number % 9 or len(request.analyze_specs) == 1 or not _are_new(stage, request):
        return None
    response = answer(request)
    del response.results[-1]
    return response


def _fails_single_images(stage: Stage, request: BatchAnalyzeRequest, number: int) -> Reply | None:
    if number % 3:
        return None
    response = answer(request)
    response.results[0].Clear()
    response.results[0].error.CopyFrom(Status(code=Code.INTERNAL, message="not this one"))
    stage.notes.add(number)
    return response


def _takes_four_at_most(_stage: Stage, request: BatchAnalyzeRequest, _number: int) -> Reply | None:
    if len(request.analyze_specs) > 4:
        return RequestTooLargeError(Code.RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 4)")
    return None


def _silences(most: int) -> Act:
    def act(stage: Stage, _request: BatchAnalyzeRequest, number: int) -> Reply | None:
        if number == _BEGINS_AT:
            stage.front.silence(most)
        return None

    return act


def _stays_silent_now_and_then(_stage: Stage, _request: BatchAnalyzeRequest, number: int) -> Reply | None:
    return Hang() if number % 16 == 0 else None


def _is_slow(_stage: Stage, _request: BatchAnalyzeRequest, _number: int) -> None:
    time.sleep(random.uniform(0.0, 0.05))  # noqa: S311 - no secret


_SHORT_CALLS = {"timeouts": Timeouts(call_s=1.0, total_s=60.0)}
FAULTS = {
    "none": Fault(_none, 0),
    "slow": Fault(_is_slow, 0),
    "connections refused": Fault(_goes_away(Door.SHUT), _WINDOW),
    "connections accepted and closed": Fault(_goes_away(Door.HANGS_UP), _WINDOW),
    "connections accepted and reset": Fault(_goes_away(Door.RESETS), _WINDOW),
    "refused at the start": Fault(_none, 0, door=Door.SHUT),
    "closed at the start": Fault(_none, 0, door=Door.HANGS_UP),
    "gateway without upstream": Fault(_has_no_upstream, 0),
    "UNAVAILABLE for a while": Fault(_says_for_a_while(Code.UNAVAILABLE), 0),
    "RESOURCE_EXHAUSTED for a while": Fault(_says_for_a_while(Code.RESOURCE_EXHAUSTED), 0),
    "INTERNAL now and then": Fault(_says_now_and_then(Code.INTERNAL), 0),
    "DEADLINE_EXCEEDED now and then": Fault(_says_now_and_then(Code.DEADLINE_EXCEEDED), 0),
    "ABORTED now and then": Fault(_says_now_and_then(Code.ABORTED), 0),
    "asks to wait": Fault(_asks_to_wait, 0),
    "connections cut now and then": Fault(_cuts_now_and_then, 20 * _WINDOW),
    "answers that cannot be read": Fault(_answers_nonsense_now_and_then, 0),
    "answers with too few results": Fault(_answers_too_few, 0),
    "single images fail": Fault(_fails_single_images, 0),
    "requests too large": Fault(_takes_four_at_most, 0),
    "one connection silent": Fault(_silences(1), _WINDOW, _SHORT_CALLS),
    "all connections silent": Fault(_silences(64), _WINDOW, _SHORT_CALLS),
    "calls without an answer": Fault(_stays_silent_now_and_then, 0, _SHORT_CALLS),
}
