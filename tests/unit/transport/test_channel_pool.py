"""Which channel a call goes to."""

import sys
import threading
from collections.abc import Iterator
from itertools import count

import pytest

from vision_grpc.transport.grpc.channel_pool import STREAMS_PER_CHANNEL, ChannelPool, PooledChannel

_THREADS, _ROUNDS = 8, 200
_HELD_UP_S = 0.1


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def _numbered() -> ChannelPool[int, str]:
    numbers = count()

    def open_channel() -> tuple[int, str]:
        number = next(numbers)
        return number, f"method of {number}"

    return ChannelPool(open_channel)


def test_another_channel_is_opened_when_all_are_full() -> None:
    channels = _numbered()
    taken = [channels.take() for _ in range(2 * STREAMS_PER_CHANNEL + 1)]
    assert [channel.method for channel in taken[::STREAMS_PER_CHANNEL]] == ["method of 0", "method of 1", "method of 2"]
    assert [channel.calls for channel in taken[::STREAMS_PER_CHANNEL]] == [STREAMS_PER_CHANNEL, STREAMS_PER_CHANNEL, 1]
    assert channels.close() == [0, 1, 2]


def test_a_place_that_was_left_is_taken_again() -> None:
    channels = _numbered()
    taken = [channels.take() for _ in range(STREAMS_PER_CHANNEL + 1)]
    channels.leave(taken[0])
    assert channels.take() is taken[0]
    assert channels.take() is taken[-1]
    assert channels.close() == [0, 1]


def test_none_is_opened_that_nobody_would_close() -> None:
    channels = _numbered()
    for _ in range(STREAMS_PER_CHANNEL):
        channels.take()
    channels.close()
    assert channels.take().method == "method of 0"
    assert channels.close() == [0]


def test_who_closes_as_one_is_opened_waits_for_it() -> None:
    numbers, closed = count(), list[int]()
    closing = threading.Thread(target=lambda: closed.extend(channels.close()))

    def open_channel() -> tuple[int, str]:
        if (number := next(numbers)) == 1:
            closing.start()
            closing.join(_HELD_UP_S)
        return number, "method"

    channels = ChannelPool(open_channel)
    for _ in range(STREAMS_PER_CHANNEL + 1):
        channels.take()
    closing.join()
    assert closed == [0, 1]


@pytest.mark.timeout(20)
def test_a_signal_handler_may_close_as_one_is_opened() -> None:
    """It runs in the thread that holds the lock."""
    numbers = count()

    def open_channel() -> tuple[int, str]:
        if (number := next(numbers)) == 1:
            channels.close()
        return number, f"method of {number}"

    channels = ChannelPool(open_channel)
    taken = [channels.take() for _ in range(STREAMS_PER_CHANNEL + 2)]
    assert {channel.method for channel in taken} == {"method of 0"}


def test_one_that_cannot_be_opened_leaves_the_others_as_they_are() -> None:
    outcomes = iter(["one"])

    def open_channel() -> tuple[str, str]:
        return next(outcomes), "method"

    channels = ChannelPool(open_channel)
    taken = [channels.take() for _ in range(STREAMS_PER_CHANNEL)]
    with pytest.raises(StopIteration):
        channels.take()
    channels.leave(taken[0])
    assert channels.take() is taken[0]


@pytest.mark.usefixtures("restless")
def test_threads_never_overfill_a_channel() -> None:
    channels = _numbered()
    start = threading.Barrier(_THREADS)
    overfull: list[PooledChannel[str]] = []

    def work() -> None:
        start.wait()
        for _ in range(_ROUNDS):
            taken = [channels.take() for _ in range(STREAMS_PER_CHANNEL // 4)]
            overfull.extend(channel for channel in taken if channel.calls > STREAMS_PER_CHANNEL)
            for channel in taken:
                channels.leave(channel)

    threads = [threading.Thread(target=work) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not overfull
    assert len(channels.close()) <= 2
    assert channels.take().calls == 1
