"""Channels, and details of gRPC that are not public: a release without those is to be noticed."""

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace

import grpc
import grpc.aio
import pytest

from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.transport.grpc import thread_channel
from vision_grpc.transport.grpc.forks import _Forks
from vision_grpc.transport.grpc.thread_channel import ThreadChannels, close_channels

_SOON_S = 30


def test_a_channel_for_threads_says_whether_it_is_connected() -> None:
    kind = ThreadChannels()
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel, _ = kind.open(Endpoint.parse(f"127.0.0.1:{port}", insecure=True), Tls(), "/a/b")
    try:
        assert not kind.is_connected(channel)
        grpc.channel_ready_future(channel).result(_SOON_S)
        assert kind.is_connected(channel)
    finally:
        close_channels([channel])
        server.stop(None)


async def test_the_thread_that_serves_event_loops_has_its_name() -> None:
    async with grpc.aio.insecure_channel("127.0.0.1:1"):
        forks = _Forks()
        forks.look()
        assert forks._has_thread, [thread.name for thread in threading.enumerate()]


async def test_nobody_waits_any_more_for_a_channel_that_hangs_as_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its end would be told to the event loop, which may be closed by then."""
    arrivals: list[asyncio.Future[None]] = []

    def wrap(future: Future[None]) -> asyncio.Future[None]:
        arrivals.append(wrap_future(future))
        return arrivals[-1]

    wrap_future = asyncio.wrap_future
    monkeypatch.setattr(asyncio, "wrap_future", wrap)
    monkeypatch.setattr(thread_channel, "_CLOSED_WITHIN_S", 0.01)
    may_end = threading.Event()
    await ThreadChannels().aclose([SimpleNamespace(close=lambda: may_end.wait(_SOON_S))])  # type: ignore[list-item]
    assert [arrival.cancelled() for arrival in arrivals] == [True]
    may_end.set()


@pytest.mark.parametrize(("state", "is_connected"), [("READY", True), ("CONNECTING", False)])
def test_the_state_of_a_channel_is_asked_for_as_older_releases_take_it(state: str, *, is_connected: bool) -> None:
    def check_connectivity_state(_: bool, /) -> int:  # noqa: FBT001 - gRPC's own
        return grpc.ChannelConnectivity[state].value[0]

    inner = SimpleNamespace(check_connectivity_state=check_connectivity_state)
    assert ThreadChannels().is_connected(SimpleNamespace(_channel=inner)) is is_connected  # type: ignore[arg-type]
