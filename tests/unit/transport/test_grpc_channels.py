"""Channels, and details of gRPC that are not public: a release without those is to be noticed."""

import asyncio
import runpy
import threading
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import grpc
import grpc.aio
import pytest

from vision_grpc.transport.grpc import thread_channel
from vision_grpc.transport.grpc.thread_channel import ThreadChannels

PROGRAMS = Path(__file__).parents[2] / "programs"
_SOON_S = 30


def test_grpc_has_the_details_that_are_not_public() -> None:
    runpy.run_path(str(PROGRAMS / "grpc_details.py"))


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


def test_a_channel_that_was_closed_is_not_connected() -> None:
    channel = grpc.insecure_channel("127.0.0.1:1")
    channel.close()
    assert not ThreadChannels().is_connected(channel)
