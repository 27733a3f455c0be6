"""Which channel a call goes to."""

import sys
import threading
from collections.abc import Callable, Container, Iterator
from itertools import count
from typing import TypeVar

import pytest

from vision_grpc.transport.grpc.channel_pool import STREAMS_PER_CHANNEL, ChannelPool, PooledChannel
from vision_grpc.transport.grpc.liveness import DIAL_S, Sign

_ChannelT = TypeVar("_ChannelT")
_THREADS, _ROUNDS = 8, 200
_HELD_UP_S = 0.1


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def _numbered(clock: Callable[[], float] = lambda: 0.0, unconnected: Container[int] = ()) -> ChannelPool[int, str]:
    numbers = count()

    def open_channel() -> tuple[int, str]:
        number = next(numbers)
        return number, f"method of {number}"

    return ChannelPool(open_channel, lambda channel: channel not in unconnected, clock=clock)


def _take(channels: ChannelPool[_ChannelT, str]) -> PooledChannel[_ChannelT, str]:
    pooled = channels.take()
    assert pooled is not None
    channels.started(pooled)
    return pooled


def test_another_channel_is_opened_when_all_are_full() -> None:
    channels = _numbered()
    taken = [_take(channels) for _ in range(2 * STREAMS_PER_CHANNEL + 1)]
    assert [channel.method for channel in taken[::STREAMS_PER_CHANNEL]] == ["method of 0", "method of 1", "method of 2"]
    assert [channel.calls for channel in taken[::STREAMS_PER_CHANNEL]] == [STREAMS_PER_CHANNEL, STREAMS_PER_CHANNEL, 1]
    assert channels.close() == [0, 1, 2]


def test_a_place_that_was_left_is_taken_again() -> None:
    channels = _numbered()
    taken = [_take(channels) for _ in range(STREAMS_PER_CHANNEL + 1)]
    channels.leave(taken[0])
    assert _take(channels) is taken[0]
    assert _take(channels) is taken[-1]
    assert channels.close() == [0, 1]


def test_none_is_opened_that_nobody_would_close() -> None:
    channels = _numbered()
    for _ in range(STREAMS_PER_CHANNEL):
        channels.take()
    channels.close()
    assert channels.take() is None
    assert channels.close() == [0]


def test_who_closes_as_one_is_opened_waits_for_it() -> None:
    numbers, closed = count(), list[int]()
    closing = threading.Thread(target=lambda: closed.extend(channels.close()))

    def open_channel() -> tuple[int, str]:
        if (number := next(numbers)) == 1:
            closing.start()
            closing.join(_HELD_UP_S)
        return number, "method"

    channels = ChannelPool(open_channel, bool)
    for _ in range(STREAMS_PER_CHANNEL + 1):
        channels.take()
    closing.join()
    assert closed == [0, 1]


def test_a_signal_handler_may_close_as_one_is_opened() -> None:
    """It runs in the thread that holds the lock."""
    numbers = count()

    def open_channel() -> tuple[int, str]:
        if (number := next(numbers)) == 1:
            channels.close()
        return number, f"method of {number}"

    channels = ChannelPool(open_channel, bool)
    taken = [channels.take() for _ in range(STREAMS_PER_CHANNEL + 2)]
    assert {channel.method for channel in taken[:-2] if channel} == {"method of 0"}
    assert taken[-2:] == [None, None]


def test_one_that_cannot_be_opened_leaves_the_others_as_they_are() -> None:
    outcomes = iter(["one"])

    def open_channel() -> tuple[str, str]:
        return next(outcomes), "method"

    channels = ChannelPool(open_channel, bool)
    taken = [_take(channels) for _ in range(STREAMS_PER_CHANNEL)]
    with pytest.raises(StopIteration):
        channels.take()
    channels.leave(taken[0])
    assert _take(channels) is taken[0]


@pytest.mark.usefixtures("restless")
def test_threads_never_overfill_a_channel() -> None:
    channels = _numbered()
    start = threading.Barrier(_THREADS)
    overfull: list[PooledChannel[int, str]] = []

    def work() -> None:
        start.wait()
        for _ in range(_ROUNDS):
            taken = [_take(channels) for _ in range(STREAMS_PER_CHANNEL // 4)]
            overfull.extend(channel for channel in taken if channel.calls > STREAMS_PER_CHANNEL)
            for channel in taken:
                channels.leave(channel)

    threads = [threading.Thread(target=work) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not overfull
    assert _take(channels).calls == 1
    assert len(channels.close()) <= 2


@pytest.mark.parametrize("before", [False, True])
def test_the_idle_time_after_a_call_that_was_not_started_is_no_silence(*, before: bool) -> None:
    clock = _Clock()
    channels = _numbered(clock)
    if before:
        _hear(channels)
    unstarted = channels.take()
    assert unstarted is not None
    channels.leave(unstarted)
    clock.now += 1_000
    assert channels.end(_take(channels), Sign.CANCELLED, 60.0) is None
    assert _take(channels).method == "method of 0"


def test_one_that_was_abandoned_may_have_other_calls_which_end_later() -> None:
    clock = _Clock()
    channels = _numbered(clock)
    broken, other, last = (_take(channels) for _ in range(3))
    channels.abandon(broken)
    clock.now += DIAL_S
    assert channels.end(other, Sign.HEARD, 60.0) is None
    assert channels.end(last, Sign.LATE, DIAL_S) is None, "to close it may take for ever"
    assert channels.close() == []


# Channels whose connection is dead


class _Clock:
    """The time of a test."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _hear(channels: ChannelPool[int, str]) -> None:
    """Let a call be answered."""
    assert channels.end(_take(channels), Sign.HEARD, 60) is None


def test_a_channel_that_falls_silent_gets_no_more_calls_and_is_closed_when_it_is_empty() -> None:
    clock = _Clock()
    channels = _numbered(clock)
    _hear(channels)
    early, late = _take(channels), _take(channels)
    clock.now += 1.0
    assert channels.end(early, Sign.LATE, 1.0) is None, "another call is under way there"
    assert _take(channels).method == "method of 1"
    assert channels.end(late, Sign.HEARD, 9.0) == 0
    assert channels.close() == [1]


def test_closing_closes_what_is_retired_too() -> None:
    clock = _Clock()
    channels = _numbered(clock)
    _hear(channels)
    early, late = _take(channels), _take(channels)
    clock.now += 1.0
    channels.end(early, Sign.LATE, 1.0)
    _take(channels)
    assert channels.close() == [0, 1]
    assert channels.end(late, Sign.CANCELLED, 9.0) is None, "who closed it is not to close it again"


def test_all_channels_are_judged_by_their_own_calls() -> None:
    clock = _Clock()
    channels = _numbered(clock)
    taken = [_take(channels) for _ in range(2 * STREAMS_PER_CHANNEL)]
    channels.end(taken.pop(0), Sign.HEARD, 1.0)
    channels.end(taken.pop(), Sign.HEARD, 1.0)
    clock.now += 1.0
    # The second channel is heard, the first is not.
    channels.end(taken.pop(), Sign.HEARD, 1.0)
    channels.end(taken.pop(), Sign.LATE, 1.0)
    channels.end(taken.pop(0), Sign.LATE, 1.0)
    assert _take(channels).method == "method of 1"
    closed = [channels.end(pooled, Sign.LATE, 1.0) for pooled in taken]
    assert [channel for channel in closed if channel is not None] == [0]


def test_all_calls_that_are_late_together_open_one_channel() -> None:
    clock = _Clock()
    channels = _numbered(clock)
    _hear(channels)
    taken = [_take(channels) for _ in range(STREAMS_PER_CHANNEL)]
    for _ in range(3):
        clock.now += 1.0
        for number, pooled in enumerate(taken):
            channels.end(pooled, Sign.LATE, 1.0)
            taken[number] = _take(channels)
        assert len({pooled.method for pooled in taken}) == 1
    assert channels.close() == [3]


def test_each_channel_in_vain_is_given_more_time() -> None:
    """A slow service gets no storm of connections."""
    clock = _Clock()
    channels = _numbered(clock)
    for _ in range(1_000):
        pooled = _take(channels)
        clock.now += 0.1
        channels.end(pooled, Sign.LATE, 0.1)
    assert [_take(channels).method] == ["method of 7"], "after 0.1, 1, 2, 4, 8, 16 and 32 seconds"
    assert channels.close() == [7]


def test_a_channel_that_is_being_connected_is_left_to_it() -> None:
    """To give it up would begin all over again: a slow handshake would never end."""
    clock = _Clock()
    channels = _numbered(clock, unconnected=[0])
    taken = []
    for _ in range(4):
        taken.append(_take(channels))
        clock.now += DIAL_S / 4
        channels.end(taken[-1], Sign.LATE, DIAL_S / 4)
    assert {pooled.method for pooled in taken} == {"method of 0"}
    assert _take(channels).method == "method of 1"


def test_grpc_is_silent_when_two_new_channels_in_a_row_were_for_long() -> None:
    clock = _Clock()
    channels = _numbered(clock)
    _hear(channels)
    silent = []
    for _ in range(3):
        pooled = _take(channels)
        clock.now += DIAL_S
        channels.end(pooled, Sign.LATE, DIAL_S)
        silent.append(channels.is_silent)
    assert silent == [False, False, True], "the first one had been heard"
    _hear(channels)
    assert not channels.is_silent


def test_grpc_is_not_silent_where_calls_have_little_time() -> None:
    clock = _Clock()
    channels = _numbered(clock)
    while clock.now < 100.0 + 2 * DIAL_S - 0.2:
        pooled = _take(channels)
        clock.now += 0.1
        channels.end(pooled, Sign.LATE, 0.1)
        assert not channels.is_silent


def test_calls_that_are_given_up_do_not_make_grpc_silent() -> None:
    clock = _Clock()
    channels = _numbered(clock)
    for _ in range(5):
        pooled = _take(channels)
        clock.now += DIAL_S
        assert channels.end(pooled, Sign.CANCELLED, 60.0) is not None
    assert not channels.is_silent
