"""When a connection is taken for dead."""

from collections.abc import Sequence

import grpc
import pytest

from vision_grpc.network.deadline import Deadline
from vision_grpc.transport.grpc.exchange import sign_of
from vision_grpc.transport.grpc.liveness import DIAL_S, Liveness, Sign

_CALL_S = 2.0


def _heard(at: float) -> Liveness:
    """Return a connection on which the last answer came at a time."""
    liveness = Liveness()
    liveness.started(at - 0.1)
    assert not _is_dead(liveness, Sign.HEARD, at)
    return liveness


def _is_dead(
    liveness: Liveness,
    sign: Sign,
    now: float,
    *,
    calls_left: int = 0,
    allowed_s: float = _CALL_S,
    connected: bool = True,
) -> bool:
    silence_s = liveness.ended(sign, allowed_s, now, calls_left)
    return silence_s > 0 and silence_s >= liveness.patience_s(sign, allowed_s, is_connected=connected, in_vain=0)


@pytest.mark.parametrize("is_heard", [True, False])
def test_a_late_call_without_a_byte_means_death(*, is_heard: bool) -> None:
    liveness = _heard(0.0) if is_heard else Liveness()
    liveness.started(100.0)
    assert _is_dead(liveness, Sign.LATE, 100.0 + _CALL_S)


def test_answers_to_other_calls_mean_life() -> None:
    liveness = _heard(0.0)
    for at in (100.0, 100.5):
        liveness.started(at)
    assert not _is_dead(liveness, Sign.HEARD, 101.5, calls_left=1)
    assert not _is_dead(liveness, Sign.LATE, 102.0)


def test_answers_that_stopped_early_in_the_time_of_a_late_call_mean_death() -> None:
    """It left just before the others: they were answered, and then the connection died."""
    liveness = _heard(0.0)
    for at in (100.0, 100.1):
        liveness.started(at)
    assert not _is_dead(liveness, Sign.HEARD, 100.2, calls_left=1)
    assert _is_dead(liveness, Sign.LATE, 102.0)


def test_an_idle_time_is_no_silence() -> None:
    liveness = _heard(0.0)
    liveness.started(1_000.0)
    assert not _is_dead(liveness, Sign.CANCELLED, 1_000.5)


@pytest.mark.parametrize("sign", [Sign.LATE, Sign.CANCELLED])
def test_a_new_connection_may_still_be_made(sign: Sign) -> None:
    liveness = Liveness()
    liveness.started(0.0)
    assert not _is_dead(liveness, sign, 0.3, allowed_s=0.3, connected=False)
    liveness.started(DIAL_S - 0.3)
    assert _is_dead(liveness, sign, DIAL_S, allowed_s=0.3, connected=False)


def test_one_that_broke_is_made_anew() -> None:
    liveness = _heard(0.0)
    liveness.started(1.0)
    assert not _is_dead(liveness, Sign.BROKEN, 1.1)
    liveness.started(1.2)
    assert not _is_dead(liveness, Sign.LATE, 1.5, allowed_s=0.3, connected=False)


def test_calls_that_are_given_up_one_after_the_other_add_up() -> None:
    """As with `asyncio.timeout` around each call."""
    liveness = _heard(0.0)
    verdicts = []
    for at in (10.0, 12.0, 14.0):
        liveness.started(at)
        verdicts.append(_is_dead(liveness, Sign.CANCELLED, at + 2.0, allowed_s=60.0))
    assert verdicts == [False, False, True]


def test_an_answer_that_only_began_long_ago_means_death() -> None:
    liveness = _heard(0.0)
    liveness.started(1.0)
    assert _is_dead(liveness, Sign.BEGUN, 1.0 + _CALL_S)


def test_a_slow_service_that_begins_at_once_gets_few_connections() -> None:
    liveness = _heard(0.0)
    liveness.started(1.0)
    assert not _is_dead(liveness, Sign.BEGUN, 1.3, allowed_s=0.3)


def test_a_slow_service_that_says_so_now_and_then_gets_few_connections() -> None:
    """Whose clock is first at the end of a call is chance."""
    liveness = Liveness()
    liveness.started(1.0)
    assert not _is_dead(liveness, Sign.SLOW, 1.1, allowed_s=0.1)
    verdicts = []
    for at in (2.0, 2.5, 3.0):
        liveness.started(at)
        verdicts.append(_is_dead(liveness, Sign.LATE, at + 0.1, allowed_s=0.1))
    assert verdicts == [False, False, True]


def test_a_service_that_was_slow_once_is_like_any_other_after_its_next_answer() -> None:
    liveness = Liveness()
    liveness.started(1.0)
    assert not _is_dead(liveness, Sign.SLOW, 1.1, allowed_s=0.1)
    liveness.started(2.0)
    assert not _is_dead(liveness, Sign.HEARD, 2.1, allowed_s=0.1)
    liveness.started(3.0)
    assert _is_dead(liveness, Sign.LATE, 3.1, allowed_s=0.1)


Metadata = Sequence[tuple[str, str | bytes]]


class _Ended:
    """A call of gRPC that is over."""

    def __init__(self, code: grpc.StatusCode, initial: Metadata | None, trailing: Metadata | None) -> None:
        self._code = code
        self._initial = initial
        self._trailing = trailing

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return ""

    def initial_metadata(self) -> Metadata | None:
        return self._initial

    def trailing_metadata(self) -> Metadata | None:
        return self._trailing


_SENT: Metadata = (("x-request-id", "1"),)


@pytest.mark.parametrize(
    ("code", "initial", "trailing", "left_s", "sign"),
    [
        (grpc.StatusCode.OK, (), (), 60.0, Sign.HEARD),
        (grpc.StatusCode.INVALID_ARGUMENT, None, None, 60.0, Sign.HEARD),
        (grpc.StatusCode.UNAVAILABLE, None, None, 60.0, Sign.BROKEN),
        (grpc.StatusCode.UNAVAILABLE, (), _SENT, 60.0, Sign.HEARD),
        (grpc.StatusCode.DEADLINE_EXCEEDED, (), None, 0.0, Sign.LATE),
        (grpc.StatusCode.DEADLINE_EXCEEDED, _SENT, None, 0.0, Sign.BEGUN),
        (grpc.StatusCode.DEADLINE_EXCEEDED, _SENT, _SENT, 0.0, Sign.SLOW),
        (grpc.StatusCode.DEADLINE_EXCEEDED, (), _SENT, 60.0, Sign.HEARD),
        (grpc.StatusCode.CANCELLED, None, (), 60.0, Sign.CANCELLED),
        (grpc.StatusCode.CANCELLED, None, _SENT, 60.0, Sign.HEARD),
    ],
)
def test_what_the_end_of_a_call_says(
    code: grpc.StatusCode, initial: Metadata | None, trailing: Metadata | None, left_s: float, sign: Sign
) -> None:
    assert sign_of(_Ended(code, initial, trailing), Deadline.after(left_s)) is sign
