"""What a peer may not do for ever: floods of frames, silence, and answers that nobody reads."""

import asyncio
from collections.abc import Callable

import pytest
from h2_peer import HELLO, REQUEST, Server, echo, headers, never, ok, settle
from hpack.hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from vision_grpc.local.faces.http2.errors import BodyStalledError, ErrorCode
from vision_grpc.local.faces.http2.frames import PREFACE
from vision_grpc.local.faces.http2.limits import Limits
from vision_grpc.local.faces.http2.stream import Stream

# More than any peer may send without work, however slowly a busy machine makes the frames.
MANY = 60_000
OPEN = headers(1, flags=["END_HEADERS"])
EMPTY = DataFrame(1, b"").serialize()

FLOODS: dict[str, tuple[bytes, Callable[[int], bytes]]] = {
    "PING": (b"", lambda _: PingFrame().serialize()),
    "SETTINGS": (b"", lambda _: SettingsFrame().serialize()),
    "SETTINGS that change the windows": (OPEN, lambda n: SettingsFrame(settings={4: n}).serialize()),
    "PRIORITY": (b"", lambda n: PriorityFrame(1 + 2 * n).serialize()),
    "empty DATA": (OPEN, lambda _: EMPTY),
    "padded empty DATA": (OPEN, lambda _: DataFrame(1, b"", pad_length=1, flags=["PADDED"]).serialize()),
    "WINDOW_UPDATE": (OPEN, lambda _: WindowUpdateFrame(1, 1).serialize()),
    "unknown frames": (b"", lambda _: b"\0\0\x01\x63\0\0\0\0\0x"),
    "rapid reset": (b"", lambda n: headers(1 + 2 * n) + RstStreamFrame(1 + 2 * n, error_code=8).serialize()),
    "resets that the server is made to send": (
        b"",
        lambda n: headers(1 + 2 * n, flags=["END_HEADERS"]) + headers(1 + 2 * n, [(":path", "/")]),
    ),
    "malformed requests": (b"", lambda n: headers(1 + 2 * n, REQUEST[:2])),
    "more requests than are allowed": (b"", lambda n: headers(1 + 2 * n)),
}


@pytest.mark.parametrize("case", FLOODS)
async def test_a_flood_ends_its_connection(case: str) -> None:
    first, make = FLOODS[case]
    server = Server(never)
    server.feed(HELLO + first)
    for start in range(0, MANY, 100):
        server.feed(b"".join(make(number) for number in range(start, start + 100)))
        if server.transport.state != "open":
            break
    goodbye = server.goodbye()
    assert goodbye is not None
    assert ErrorCode(goodbye.error_code) is ErrorCode.ENHANCE_YOUR_CALM
    await settle()
    assert all(stream.ended for stream in server.streams)


@pytest.mark.parametrize("piece", [b"", b"\x82"])
async def test_continuations_without_end_end_the_connection(piece: bytes) -> None:
    server = Server(never)
    server.feed(HELLO + headers(1, flags=[]))
    server.feed(ContinuationFrame(1, piece).serialize() * 100)
    goodbye = server.goodbye()
    assert goodbye is not None
    assert ErrorCode(goodbye.error_code) is ErrorCode.ENHANCE_YOUR_CALM


async def test_a_block_that_inflates_without_end_ends_the_connection() -> None:
    encoder = Encoder()
    server = Server(ok)
    block = encoder.encode([*REQUEST, ("x-bomb", "y" * 3000)])
    server.feed(HELLO + HeadersFrame(1, block, flags=["END_HEADERS", "END_STREAM"]).serialize())
    bomb = encoder.encode([*REQUEST, *[("x-bomb", "y" * 3000)] * 1000])
    assert len(bomb) < 2000
    server.feed(HeadersFrame(3, bomb, flags=["END_HEADERS", "END_STREAM"]).serialize())
    goodbye = server.goodbye()
    assert goodbye is not None
    assert ErrorCode(goodbye.error_code) is ErrorCode.ENHANCE_YOUR_CALM


async def test_work_makes_up_for_control_frames() -> None:
    server = Server(ok)
    server.feed(HELLO)
    # A client that asks for the time of the round trip and enlarges windows with each call.
    extra = (PingFrame().serialize() + WindowUpdateFrame(0, 1).serialize()) * 8
    for number in range(1, 4000, 2):
        server.feed(headers(number) + extra)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert len(server.streams) == 2000
    assert server.goodbye() is None


async def test_a_few_hundred_cancelled_calls_are_no_flood() -> None:
    server = Server(never)
    server.feed(HELLO)
    for start in range(1, 800, 200):
        server.feed(b"".join(headers(number) for number in range(start, start + 200, 2)))
        await settle()
        server.feed(
            b"".join(RstStreamFrame(number, error_code=8).serialize() for number in range(start, start + 200, 2))
        )
    assert server.goodbye() is None


async def test_more_requests_than_are_allowed_at_once_are_refused() -> None:
    server = Server(never, limits=Limits(streams=2))
    server.feed(HELLO + headers(1) + headers(3) + headers(5))
    assert server.resets() == [(5, ErrorCode.REFUSED_STREAM)]
    server.feed(RstStreamFrame(1).serialize() + headers(7))
    await settle()
    assert server.resets() == []
    assert [stream.stream_id for stream in server.streams][-1] == 7


async def test_a_peer_that_does_not_read_but_asks_is_cut_off() -> None:
    server = Server(never)
    server.transport.reads = False
    server.feed(HELLO)
    for _ in range(100):
        server.feed(PingFrame().serialize() * 95)
        server.connection.outlet.flush()
    assert server.transport.state == "open"
    small = Server(never, limits=Limits(unread_bytes=100_000))
    small.transport.reads = False
    small.feed(HELLO)
    for _ in range(100):
        small.feed(PingFrame().serialize() * 95)
        small.connection.outlet.flush()
    assert small.transport.state == "aborted"
    assert len(small.transport.written) < 120_000


async def test_the_data_of_an_answer_waits_while_the_transport_is_full() -> None:
    async def large(stream: Stream) -> None:
        stream.send_fields([(":status", "200")])
        await stream.send(bytes(5_000_000))
        stream.send_fields([("x-end", "1")], ends=True)

    server = Server(large)
    server.feed(PREFACE + SettingsFrame(settings={4: (1 << 31) - 1}).serialize())
    server.feed(WindowUpdateFrame(0, 1 << 30).serialize())
    server.transport.reads = False
    server.feed(headers(1))
    await settle()
    assert len(server.transport.written) < 300_000
    while server.connection.idle_since is None:
        server.transport.read_all()
        await settle()
    data = [frame.data for frame in server.frames() if isinstance(frame, DataFrame)]
    assert sum(map(len, data)) == 5_000_000


SLOW = {
    "nothing": b"",
    "half a preface": PREFACE[:10],
    "the preface alone": PREFACE,
    "half a frame": HELLO + PingFrame().serialize()[:12],
    "half the head of a frame": HELLO + b"\0\0",
    "half a header block": HELLO + headers(1, flags=[]),
}


@pytest.mark.parametrize("case", SLOW)
async def test_what_does_not_come_to_its_end_ends_the_connection(case: str) -> None:
    server = Server(never, limits=Limits(hello_s=10, ping_after_s=1000))
    server.feed(SLOW[case])
    now = asyncio.get_running_loop().time()
    server.connection.look(now + 1)
    server.connection.look(now + 9)
    assert server.transport.state == "open"
    server.connection.look(now + 12)
    assert server.goodbye() is not None
    assert server.transport.state == "ended"


async def test_frames_that_come_in_halves_are_not_slow() -> None:
    server = Server(never)
    server.feed(HELLO + PingFrame().serialize()[:5])
    now = asyncio.get_running_loop().time()
    for second in range(20):
        server.connection.look(now + second)
        server.feed(PingFrame().serialize()[5:] + PingFrame().serialize()[:5])
    assert server.transport.state == "open"


async def test_a_silent_peer_is_asked_and_let_go() -> None:
    server = Server(never, limits=Limits(ping_after_s=60, ping_s=20))
    server.feed(HELLO + headers(1))
    await settle()
    now = asyncio.get_running_loop().time()
    server.frames()
    server.connection.look(now + 61)
    [ping] = server.frames()
    assert isinstance(ping, PingFrame)
    server.feed(PingFrame(flags=["ACK"]).serialize())
    server.connection.look(now + 82)
    assert server.transport.state == "open"
    server.frames()
    server.connection.look(now + 200)
    server.connection.look(now + 221)
    assert server.transport.state == "aborted"
    assert server.streams[0].ended


@pytest.mark.parametrize("trickle", [0, 1, 900])
async def test_a_body_must_make_progress(trickle: int) -> None:
    stalled = asyncio.Event()

    async def read(stream: Stream) -> None:
        with pytest.raises(BodyStalledError):
            await stream.read(100_000)
        stalled.set()
        stream.send_fields([(":status", "408")], ends=True)

    server = Server(read, limits=Limits(stall_s=60))
    server.feed(HELLO + OPEN)
    await settle()
    now = asyncio.get_running_loop().time()
    for _ in range(3):
        now += 50
        server.feed(DataFrame(1, bytes(1500)).serialize())
        server.connection.look(now)
    assert not stalled.is_set()
    server.feed(DataFrame(1, bytes(trickle)).serialize())
    server.connection.look(now + 61)
    await settle()
    assert stalled.is_set()
    assert server.transport.state == "open"


async def test_an_answer_must_make_progress() -> None:
    async def answer(stream: Stream) -> None:
        stream.send_fields([(":status", "200")])
        await stream.send(bytes(100_000))

    server = Server(answer, limits=Limits(stall_s=60, ping_after_s=1000))
    server.feed(HELLO + headers(1))
    await settle()
    now = asyncio.get_running_loop().time()
    server.connection.look(now)
    server.connection.look(now + 50)
    assert server.resets() == []
    server.connection.look(now + 62)
    assert server.resets() == [(1, ErrorCode.CANCEL)]
    await settle()
    assert server.connection.idle_since is not None


async def test_work_that_takes_long_is_not_stalled() -> None:
    server = Server(never, limits=Limits(ping_after_s=10_000))
    server.feed(HELLO + headers(1))
    await settle()
    server.connection.look(asyncio.get_running_loop().time() + 1000)
    assert server.resets() == []


async def test_many_small_frames_of_a_body_are_overhead() -> None:
    server = Server(echo)
    server.feed(HELLO + OPEN)
    server.feed(DataFrame(1, b"x").serialize() * 9000)
    await settle()
    assert server.goodbye() is None
    server.feed(DataFrame(1, b"x").serialize() * 9000)
    goodbye = server.goodbye()
    assert goodbye is not None
    assert ErrorCode(goodbye.error_code) is ErrorCode.ENHANCE_YOUR_CALM


async def test_a_peer_that_does_not_hang_up_after_goaway_is_cut_off() -> None:
    server = Server(never, limits=Limits(farewell_s=0))
    server.feed(HELLO + headers(2))
    assert server.transport.state == "ended"
    await asyncio.sleep(0.01)
    assert server.transport.state == "aborted"


async def test_a_slow_peer_gets_all_that_was_written_before_the_end() -> None:
    server = Server(ok, limits=Limits(farewell_s=0, stall_s=1000))
    server.feed(HELLO)
    server.transport.reads = False
    server.feed(headers(1))
    await settle()
    server.connection.go_away()
    assert server.transport.state == "ended"
    for unread in (1000, 10, 10):
        server.transport.unread = unread
        await asyncio.sleep(0.01)
        assert server.transport.state == "ended"
    server.transport.unread = 0
    await asyncio.sleep(0.01)
    assert server.transport.state == "aborted"


async def test_a_peer_that_does_not_read_at_the_end_is_cut_off() -> None:
    server = Server(ok, limits=Limits(farewell_s=0, stall_s=0))
    server.feed(HELLO)
    server.transport.reads = False
    server.feed(headers(1))
    await settle()
    server.connection.go_away()
    await asyncio.sleep(0.01)
    assert server.transport.state == "aborted"
