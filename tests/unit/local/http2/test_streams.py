"""Requests and responses, with the `h2` library as a client, and the frames that HTTP/2 forbids."""

import asyncio
import itertools

import pytest
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes
from h2_peer import HELLO, REQUEST, H2Client, Server, echo, headers, never, ok, settle
from hpack.hpack import Encoder
from hyperframe.frame import (
    AltSvcFrame,
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_grpc.local.faces.http2.errors import BodyEndedError, ErrorCode
from vision_grpc.local.faces.http2.frames import PREFACE
from vision_grpc.local.faces.http2.limits import Limits
from vision_grpc.local.faces.http2.stream import Stream

REQUESTS = HELLO + b"".join(
    [
        headers(1, flags=["END_HEADERS"]),
        DataFrame(1, b"one").serialize(),
        PingFrame(opaque_data=b"12345678").serialize(),
        headers(3, flags=["END_HEADERS", "PRIORITY"]),
        DataFrame(1, b" and two", flags=["END_STREAM"]).serialize(),
        PriorityFrame(5, depends_on=3).serialize(),
        DataFrame(3, b"padded", pad_length=200, flags=["PADDED"]).serialize(),
        DataFrame(3, b"", pad_length=0, flags=["PADDED"]).serialize(),
        AltSvcFrame(0, origin=b"o", field=b"unknown to us").serialize(),
        headers(3, [("x-trailer", "1")]),
        HeadersFrame(5, Encoder().encode(REQUEST)[:7], flags=["END_STREAM"]).serialize(),
        ContinuationFrame(5, Encoder().encode(REQUEST)[7:], flags=["END_HEADERS"]).serialize(),
    ]
)


@given(st.lists(st.integers(0, len(REQUESTS)), max_size=12))
@settings(max_examples=60, deadline=None)
def test_requests_are_the_same_wherever_their_bytes_are_cut(cuts: list[int]) -> None:
    async def run() -> None:
        server = Server(echo)
        places = [0, *sorted(cuts), len(REQUESTS)]
        for start, end in itertools.pairwise(places):
            server.feed(REQUESTS[start:end])
        await settle()
        frames = server.frames()
        answers = {
            number: b"".join(f.data for f in frames if isinstance(f, DataFrame) and f.stream_id == number)
            for number in (1, 3, 5)
        }
        assert answers == {1: b"one and two", 3: b"padded", 5: b""}
        assert sum("END_STREAM" in frame.flags for frame in frames) == 3
        assert [f.opaque_data for f in frames if isinstance(f, PingFrame)] == [b"12345678"]

    asyncio.run(run())


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 200_000, 3_000_000])
async def test_a_body_comes_in_as_it_is_read_and_the_answer_goes_as_the_windows_open(size: int) -> None:
    async def swallow(stream: Stream) -> None:
        body = await stream.read(size)
        assert await stream.at_end()
        stream.send_fields([(":status", "200")])
        await stream.send(bytes(body))
        stream.send_fields([("x-end", "1")], ends=True)

    client = H2Client(Server(swallow))
    client.h2.send_headers(1, REQUEST)
    left, body = memoryview(bytes(range(256)) * (size // 256 + 1))[:size], bytearray()
    ended = False
    events = []
    for _ in range(10_000):
        while left and (room := min(client.h2.local_flow_control_window(1), client.h2.max_outbound_frame_size)):
            client.h2.send_data(1, bytes(left[:room]))
            left = left[room:]
        if not left and not ended:
            ended = True
            client.h2.end_stream(1)
        await asyncio.sleep(0)
        events = client.exchange()
        for event in events:
            if isinstance(event, DataReceived):
                body += event.data
                client.h2.acknowledge_received_data(event.flow_controlled_length, 1)
        if any(isinstance(event, StreamEnded) for event in events):
            break
    assert body == bytes(range(256)) * (size // 256) + bytes(range(256))[: size % 256]
    assert any(isinstance(event, TrailersReceived) for event in events)


async def test_no_more_of_a_body_comes_in_than_is_asked_for() -> None:
    ask = asyncio.Event()

    async def wait(stream: Stream) -> None:
        await ask.wait()
        await stream.read(100_000)
        stream.send_fields([(":status", "200")], ends=True)

    client = H2Client(Server(wait))
    client.h2.send_headers(1, REQUEST)
    client.exchange()
    client.h2.send_data(1, bytes(16_384))
    client.h2.send_data(1, bytes(16_384))
    client.h2.send_data(1, bytes(16_384))
    client.exchange()
    await settle()
    client.exchange()
    assert client.h2.local_flow_control_window(1) == 65_535 - 3 * 16_384
    ask.set()
    await settle()
    client.exchange()
    assert client.h2.local_flow_control_window(1) == 100_000 - 3 * 16_384


async def test_answers_share_the_connection_by_turns() -> None:
    async def large(stream: Stream) -> None:
        stream.send_fields([(":status", "200")])
        await stream.send(bytes(100_000))
        stream.send_fields([("x-end", "1")], ends=True)

    server = Server(large)
    server.feed(HELLO + headers(1) + headers(3) + WindowUpdateFrame(0, 1 << 20).serialize())
    await settle()
    turns = [frame.stream_id for frame in server.frames() if isinstance(frame, DataFrame)]
    assert turns[:4] == [1, 1, 1, 1] or turns[:4] == [1, 3, 1, 3]
    server.feed(WindowUpdateFrame(1, 40_000).serialize() + WindowUpdateFrame(3, 40_000).serialize())
    await settle()
    assert {frame.stream_id for frame in server.frames()} == {1, 3}


async def test_a_window_of_one_byte_gets_one_byte() -> None:
    async def answer(stream: Stream) -> None:
        stream.send_fields([(":status", "200")])
        await stream.send(b"abc")
        stream.send_fields([("x-end", "1")], ends=True)

    server = Server(answer)
    server.feed(PREFACE + SettingsFrame(settings={SettingsFrame.INITIAL_WINDOW_SIZE: 1}).serialize() + headers(1))
    got: list[Frame] = []
    for _ in range(3):
        await settle()
        got += server.frames()
        server.feed(WindowUpdateFrame(1, 1).serialize())
    assert [frame.data for frame in got if isinstance(frame, DataFrame)] == [b"a", b"b", b"c"]
    assert "END_STREAM" in got[-1].flags


async def test_a_smaller_first_window_counts_for_streams_that_are_open() -> None:
    go = asyncio.Event()

    async def answer(stream: Stream) -> None:
        await go.wait()
        stream.send_fields([(":status", "200")])
        await stream.send(bytes(70_000))

    client = H2Client(Server(answer))
    client.h2.send_headers(1, REQUEST, end_stream=True)
    client.exchange()
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 100})
    client.exchange()
    go.set()
    await settle()
    data = [event for event in client.exchange() if isinstance(event, DataReceived)]
    assert sum(len(event.data) for event in data) == 100


async def test_the_client_that_leaves_ends_the_work() -> None:
    left: list[int] = []

    async def work(stream: Stream) -> None:
        stream.on_left = lambda: left.append(stream.stream_id)
        try:
            await never(stream)
        except asyncio.CancelledError:
            left.append(-stream.stream_id)
            raise

    server = Server(work)
    server.feed(HELLO + headers(1) + headers(3))
    await settle()
    server.feed(RstStreamFrame(1, error_code=ErrorCode.CANCEL).serialize())
    await settle()
    assert left == [1, -1]
    assert server.connection.idle_since is None
    server.transport.abort()
    await settle()
    assert left == [1, -1, 3, -3]
    assert server.connection.idle_since is None or server.transport.state == "aborted"


async def test_a_body_that_ends_early_says_so() -> None:
    caught: list[str] = []

    async def read(stream: Stream) -> None:
        with pytest.raises(BodyEndedError) as error:
            await stream.read(10)
        caught.append(str(error.value))
        stream.send_fields([(":status", "400")], ends=True)

    server = Server(read)
    server.feed(HELLO + headers(1, flags=["END_HEADERS"]) + DataFrame(1, b"123", flags=["END_STREAM"]).serialize())
    await settle()
    assert caught == ["the body ended after 3 bytes"]


async def test_work_that_fails_or_forgets_to_answer_resets_its_stream(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(stream: Stream) -> None:
        if stream.stream_id == 1:
            raise ZeroDivisionError

    server = Server(fail)
    server.feed(HELLO + headers(1) + headers(3))
    await settle()
    assert server.resets() == [(1, ErrorCode.INTERNAL_ERROR), (3, ErrorCode.INTERNAL_ERROR)]
    assert "ZeroDivisionError" in caplog.text


async def test_an_answer_before_the_end_of_the_request_stops_it() -> None:
    server = Server(ok)
    server.feed(HELLO + headers(1, flags=["END_HEADERS"]))
    await settle()
    assert server.resets() == [(1, ErrorCode.NO_ERROR)]
    # What was under way is ignored.
    server.feed(DataFrame(1, b"late").serialize() + DataFrame(1, b"", flags=["END_STREAM"]).serialize() + headers(3))
    await settle()
    assert server.goodbye() is None
    assert [stream.stream_id for stream in server.streams] == [1, 3]


async def test_it_goes_away_after_the_last_answer() -> None:
    go = asyncio.Event()

    async def answer(stream: Stream) -> None:
        await go.wait()
        stream.send_fields([(":status", "200")], ends=True)

    client = H2Client(server := Server(answer))
    client.h2.send_headers(1, REQUEST, end_stream=True)
    client.exchange()
    server.connection.go_away()
    server.connection.go_away()
    [gone] = [event for event in client.exchange() if isinstance(event, ConnectionTerminated)]
    assert (gone.error_code, gone.last_stream_id) == (0, 1)
    # A request that crossed the GOAWAY.
    server.feed(headers(3, flags=["END_HEADERS"]) + DataFrame(3, b"x", flags=["END_STREAM"]).serialize())
    await settle()
    assert server.transport.state == "open"
    go.set()
    await settle()
    frames = server.frames()
    assert [frame.stream_id for frame in frames if isinstance(frame, HeadersFrame)] == [1]
    assert server.transport.state == "ended"


async def test_a_frozen_connection_neither_reads_nor_writes() -> None:
    server = Server(ok)
    server.feed(HELLO)
    server.frames()
    server.connection.freeze()
    server.feed(headers(1))
    await settle()
    assert (server.streams, server.frames(), server.transport.state) == ([], [], "open")
    assert server.transport.is_paused


async def test_a_frozen_connection_is_not_kept_for_ever() -> None:
    server = Server(ok, limits=Limits(frozen_s=0.0))
    server.feed(HELLO)
    server.connection.freeze()
    assert server.transport.state == "open"
    await settle()
    assert server.transport.state == "aborted"


async def test_a_frozen_connection_ends_with_the_service() -> None:
    server = Server(ok)
    server.feed(HELLO)
    server.connection.freeze()
    server.connection.go_away()
    assert server.transport.state == "aborted"


def _raw(kind: int, flags: int, stream_id: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream_id.to_bytes(4) + payload


OPEN = headers(1, flags=["END_HEADERS"])
DONE = headers(1) + RstStreamFrame(1, error_code=8).serialize()
BROKEN: dict[str, tuple[bytes, ErrorCode]] = {
    "no preface": (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", ErrorCode.PROTOCOL_ERROR),
    "no SETTINGS": (PREFACE + PingFrame().serialize(), ErrorCode.PROTOCOL_ERROR),
    "DATA first": (PREFACE + DataFrame(1, b"x").serialize(), ErrorCode.PROTOCOL_ERROR),
    "an acknowledgement first": (PREFACE + SettingsFrame(flags=["ACK"]).serialize(), ErrorCode.PROTOCOL_ERROR),
    "too large a frame": (HELLO + b"\x10\x00\x01" + bytes(6), ErrorCode.FRAME_SIZE_ERROR),
    "HEADERS too large": (HELLO + b"\x02\x00\x00\x01\x04" + bytes([0, 0, 0, 1]), ErrorCode.ENHANCE_YOUR_CALM),
    "SETTINGS too large": (HELLO + b"\x02\x00\x00\x04\x00" + bytes(4), ErrorCode.FRAME_SIZE_ERROR),
    "DATA of stream 0": (HELLO + _raw(0, 0, 0, b"x"), ErrorCode.PROTOCOL_ERROR),
    "HEADERS of stream 0": (HELLO + _raw(1, 4, 0, b"\x82"), ErrorCode.PROTOCOL_ERROR),
    "an even stream": (HELLO + headers(2), ErrorCode.PROTOCOL_ERROR),
    "an older stream": (HELLO + headers(5) + headers(3), ErrorCode.STREAM_CLOSED),
    "DATA of an idle stream": (HELLO + DataFrame(1, b"x").serialize(), ErrorCode.PROTOCOL_ERROR),
    "RST_STREAM of an idle stream": (HELLO + RstStreamFrame(1).serialize(), ErrorCode.PROTOCOL_ERROR),
    "WINDOW_UPDATE of an idle stream": (HELLO + WindowUpdateFrame(1, 1).serialize(), ErrorCode.PROTOCOL_ERROR),
    "DATA of an ended stream": (HELLO + DONE + DataFrame(1, b"x").serialize(), ErrorCode.STREAM_CLOSED),
    "HEADERS of an ended stream": (HELLO + DONE + headers(1), ErrorCode.STREAM_CLOSED),
    "RST_STREAM cut": (HELLO + OPEN + _raw(3, 0, 1, b"\0\0\0"), ErrorCode.FRAME_SIZE_ERROR),
    "PING cut": (HELLO + _raw(6, 0, 0, b"1234567"), ErrorCode.FRAME_SIZE_ERROR),
    "PING of a stream": (HELLO + _raw(6, 0, 1, b"12345678"), ErrorCode.PROTOCOL_ERROR),
    "SETTINGS cut": (HELLO + _raw(4, 0, 0, b"12345"), ErrorCode.FRAME_SIZE_ERROR),
    "SETTINGS of a stream": (HELLO + _raw(4, 0, 1, b""), ErrorCode.PROTOCOL_ERROR),
    "an acknowledgement with a payload": (HELLO + _raw(4, 1, 0, bytes(6)), ErrorCode.FRAME_SIZE_ERROR),
    "WINDOW_UPDATE cut": (HELLO + _raw(8, 0, 0, b"123"), ErrorCode.FRAME_SIZE_ERROR),
    "WINDOW_UPDATE by 0": (HELLO + _raw(8, 0, 0, bytes(4)), ErrorCode.PROTOCOL_ERROR),
    "GOAWAY cut": (HELLO + _raw(7, 0, 0, bytes(7)), ErrorCode.FRAME_SIZE_ERROR),
    "PRIORITY cut": (HELLO + _raw(2, 0, 1, bytes(4)), ErrorCode.FRAME_SIZE_ERROR),
    "PUSH_PROMISE": (
        HELLO + OPEN + PushPromiseFrame(1, 2, flags=["END_HEADERS"]).serialize(),
        ErrorCode.PROTOCOL_ERROR,
    ),
    "CONTINUATION alone": (
        HELLO + ContinuationFrame(1, b"", flags=["END_HEADERS"]).serialize(),
        ErrorCode.PROTOCOL_ERROR,
    ),
    "a block interrupted by PING": (HELLO + headers(1, flags=[]) + PingFrame().serialize(), ErrorCode.PROTOCOL_ERROR),
    "a block interrupted by DATA": (HELLO + headers(1, flags=[]) + _raw(0, 0, 1, b""), ErrorCode.PROTOCOL_ERROR),
    "a block interrupted by another": (HELLO + headers(1, flags=[]) + headers(3), ErrorCode.PROTOCOL_ERROR),
    "a block interrupted by something unknown": (
        HELLO + headers(1, flags=[]) + _raw(99, 0, 0, b""),
        ErrorCode.PROTOCOL_ERROR,
    ),
    "CONTINUATION of another": (HELLO + headers(1, flags=[]) + _raw(9, 4, 3, b""), ErrorCode.PROTOCOL_ERROR),
    "padding longer than DATA": (HELLO + OPEN + _raw(0, 8, 1, b"\x05abcd"), ErrorCode.PROTOCOL_ERROR),
    "padded DATA without a payload": (HELLO + OPEN + _raw(0, 8, 1, b""), ErrorCode.FRAME_SIZE_ERROR),
    "padding longer than HEADERS": (HELLO + _raw(1, 12, 1, b"\x09abcd"), ErrorCode.PROTOCOL_ERROR),
    "HPACK that is none": (HELLO + _raw(1, 5, 1, b"\xff\xff\xff\xff\xff\xff\xff"), ErrorCode.COMPRESSION_ERROR),
    "an index that HPACK does not have": (HELLO + _raw(1, 5, 1, b"\xfe"), ErrorCode.COMPRESSION_ERROR),
    "a table too large": (HELLO + _raw(1, 5, 1, b"\x3f\xff\x7f"), ErrorCode.COMPRESSION_ERROR),
    "cut HPACK": (HELLO + _raw(1, 5, 1, b"\x40\x05ab"), ErrorCode.COMPRESSION_ERROR),
    "ENABLE_PUSH 2": (HELLO + _raw(4, 0, 0, b"\0\x02\0\0\0\x02"), ErrorCode.PROTOCOL_ERROR),
    "a first window too large": (HELLO + _raw(4, 0, 0, b"\0\x04\x80\0\0\0"), ErrorCode.FLOW_CONTROL_ERROR),
    "frames too small": (HELLO + _raw(4, 0, 0, b"\0\x05\0\0\x3f\xff"), ErrorCode.PROTOCOL_ERROR),
    "frames too large": (HELLO + _raw(4, 0, 0, b"\0\x05\x01\0\0\0"), ErrorCode.PROTOCOL_ERROR),
    "a window too large": (HELLO + WindowUpdateFrame(0, (1 << 31) - 1).serialize(), ErrorCode.FLOW_CONTROL_ERROR),
    "a stream's window too large by SETTINGS": (
        HELLO
        + OPEN
        + WindowUpdateFrame(1, (1 << 31) - 65_536).serialize()
        + SettingsFrame(settings={4: 65_536}).serialize(),
        ErrorCode.FLOW_CONTROL_ERROR,
    ),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_what_breaks_the_connection(case: str) -> None:
    wire, code = BROKEN[case]
    server = Server(never)
    server.feed(wire)
    goodbye = server.goodbye()
    assert goodbye is not None
    assert ErrorCode(goodbye.error_code) is code
    assert server.transport.state == "ended"
    # Nothing is read any more, whatever comes.
    server.feed(headers(99) + bytes(1000))
    assert server.frames() == []


BAD_REQUESTS: dict[str, list[tuple[str, str]]] = {
    "no path": REQUEST[:2],
    "an empty path": [*REQUEST[:2], (":path", "")],
    "a pseudo-header late": [*REQUEST[:2], ("x", "1"), REQUEST[2]],
    "a pseudo-header twice": [*REQUEST, (":path", "/b")],
    "an unknown pseudo-header": [*REQUEST, (":protocol", "x")],
    "a response's pseudo-header": [*REQUEST, (":status", "200")],
    "upper case": [*REQUEST, ("X-Upper", "1")],
    "a space in a name": [*REQUEST, ("x y", "1")],
    "no name": [*REQUEST, ("", "1")],
    "a line break in a value": [*REQUEST, ("x", "a\r\nb: c")],
    "NUL in a value": [*REQUEST, ("x", "a\0")],
    "a line break after a value": [*REQUEST, ("x", "a\n")],
    "a space before the path": [*REQUEST[:2], (":path", " /a")],
    "a space after the path": [*REQUEST[:2], (":path", "/a ")],
    "a line break in the path": [*REQUEST[:2], (":path", "/\n")],
    "connection": [*REQUEST, ("connection", "close")],
    "transfer-encoding": [*REQUEST, ("transfer-encoding", "chunked")],
    "te gzip": [*REQUEST, ("te", "gzip")],
    "content-length that is no number": [*REQUEST, ("content-length", "x")],
    "content-length below 0": [*REQUEST, ("content-length", "-1")],
    "two lengths": [*REQUEST, ("content-length", "1"), ("content-length", "2")],
    "a length without a body": [*REQUEST, ("content-length", "1")],
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
async def test_a_malformed_request_ends_alone(case: str) -> None:
    server = Server(ok)
    server.feed(HELLO + headers(1, BAD_REQUESTS[case]) + headers(3))
    await settle()
    assert server.resets() == [(1, ErrorCode.PROTOCOL_ERROR)]
    assert [stream.stream_id for stream in server.streams] == [3]


async def test_blanks_around_values_are_stripped_as_grpc_allows() -> None:
    server = Server(ok)
    fields = [("x", " a b"), ("y", "c\t "), ("z", " "), ("te", "trailers ")]
    server.feed(HELLO + headers(1, [*REQUEST, *fields], flags=["END_HEADERS"]) + headers(1, [("x-end", " 1 ")]))
    await settle()
    assert server.resets() == []
    assert server.streams[0].request.fields == [("x", "a b"), ("y", "c"), ("z", ""), ("te", "trailers")]


BROKEN_STREAMS: dict[str, tuple[bytes, ErrorCode]] = {
    "DATA after the end": (headers(1) + DataFrame(1, b"x").serialize(), ErrorCode.STREAM_CLOSED),
    "HEADERS after the end": (headers(1) + headers(1, [("x", "1")]), ErrorCode.STREAM_CLOSED),
    "trailers that go on": (OPEN + headers(1, [("x", "1")], flags=["END_HEADERS"]), ErrorCode.PROTOCOL_ERROR),
    "trailers with a pseudo-header": (OPEN + headers(1, [(":path", "/")]), ErrorCode.PROTOCOL_ERROR),
    "trailers with a line break": (OPEN + headers(1, [("x", "\n")]), ErrorCode.PROTOCOL_ERROR),
    "more DATA than the window": (
        OPEN + b"".join(DataFrame(1, bytes(16_384)).serialize() for _ in range(4)),
        ErrorCode.FLOW_CONTROL_ERROR,
    ),
    "more DATA than stated": (
        headers(1, [*REQUEST, ("content-length", "1")], flags=["END_HEADERS"])
        + DataFrame(1, b"12", flags=["END_STREAM"]).serialize(),
        ErrorCode.PROTOCOL_ERROR,
    ),
    "a window too large": (OPEN + WindowUpdateFrame(1, (1 << 31) - 1).serialize(), ErrorCode.FLOW_CONTROL_ERROR),
    "a header list too long": (
        HeadersFrame(
            1, Encoder().encode([*REQUEST, ("x", "y" * 17_000)]), flags=["END_HEADERS", "END_STREAM"]
        ).serialize(),
        ErrorCode.ENHANCE_YOUR_CALM,
    ),
}


@pytest.mark.parametrize("case", BROKEN_STREAMS)
async def test_what_breaks_one_stream_leaves_the_others(case: str) -> None:
    wire, code = BROKEN_STREAMS[case]
    server = Server(never)
    server.feed(HELLO + wire + headers(3))
    await settle()
    assert server.resets() == [(1, code)]
    assert server.streams[-1].stream_id == 3
    assert server.transport.state == "open"


async def test_a_reset_by_the_server_is_seen_by_the_client() -> None:
    async def reset(stream: Stream) -> None:
        stream.send_fields([(":status", "200")])
        stream.reset(ErrorCode.INTERNAL_ERROR)
        stream.send_fields([("x-end", "1")], ends=True)

    client = H2Client(Server(reset))
    client.h2.send_headers(1, REQUEST, end_stream=True)
    events = await client.until(StreamReset)
    assert [type(event) for event in events if isinstance(event, (ResponseReceived, StreamReset, StreamEnded))] == [
        ResponseReceived,
        StreamReset,
    ]


async def test_long_fields_are_continued() -> None:
    async def answer(stream: Stream) -> None:
        stream.send_fields([(":status", "200"), ("x-long", "y" * 40_000)], ends=True)

    server = Server(answer)
    server.feed(HELLO + headers(1))
    await settle()
    kinds = [type(frame) for frame in server.frames()][-3:]
    assert kinds == [HeadersFrame, ContinuationFrame, ContinuationFrame]


async def test_a_peer_without_a_table_is_encoded_for() -> None:
    client = H2Client(Server(ok))
    client.h2.update_settings({SettingCodes.HEADER_TABLE_SIZE: 0})
    client.h2.send_headers(1, REQUEST, end_stream=True)
    [response] = [event for event in await client.until(StreamEnded) if isinstance(event, ResponseReceived)]
    assert [str(value) for _, value in response.headers] == ["200"]


async def test_a_clients_goaway_leaves_its_requests() -> None:
    server = Server(ok)
    server.feed(HELLO + headers(1) + GoAwayFrame().serialize())
    await settle()
    assert any(isinstance(frame, HeadersFrame) for frame in server.frames())


def test_every_kind_of_frame_is_one_that_the_library_knows() -> None:
    assert {kind.type for kind in Frame.__subclasses__() if kind.type is not None} >= {*range(10)}


async def test_a_window_below_zero_gets_nothing_until_it_has_grown() -> None:
    async def answer(stream: Stream) -> None:
        stream.send_fields([(":status", "200")])
        await stream.send(bytes(100_000))
        stream.send_fields([("x-end", "1")], ends=True)

    def first_window(size: int) -> bytes:
        return SettingsFrame(settings={SettingsFrame.INITIAL_WINDOW_SIZE: size}).serialize()

    server = Server(answer)
    server.feed(PREFACE + first_window(80_000) + headers(1))
    await settle()
    sent = sum(len(frame.data) for frame in server.frames() if isinstance(frame, DataFrame))
    # The window of the connection is used up, and that of the stream becomes smaller than what was sent.
    assert sent == 65_535
    for size in (1_000, 70_000, 1_000):
        server.feed(first_window(size))
    server.feed(WindowUpdateFrame(0, 1_000_000).serialize())
    await settle()
    assert [frame for frame in server.frames() if isinstance(frame, DataFrame)] == []
    server.feed(first_window(70_000) + WindowUpdateFrame(1, 100_000).serialize())
    await settle()
    frames = server.frames()
    assert sum(len(frame.data) for frame in frames if isinstance(frame, DataFrame)) == 100_000 - sent
    assert isinstance(frames[-1], HeadersFrame)


async def test_padding_uses_up_no_window_for_good() -> None:
    async def answer(stream: Stream) -> None:
        body = await stream.read(200_000)
        stream.send_fields([(":status", "200"), ("x-bytes", str(len(body)))], ends=True)

    client = H2Client(Server(answer))
    client.h2.send_headers(1, REQUEST)
    client.exchange()
    for _ in range(1_000):
        await settle()
        client.exchange()
        room = client.h2.local_flow_control_window(1)
        client.h2.send_data(1, bytes(200), pad_length=255 if room >= 456 else None)
    client.h2.end_stream(1)
    [response] = [each for each in await client.until(StreamEnded) if isinstance(each, ResponseReceived)]
    assert [str(value) for name, value in response.headers if str(name) == "x-bytes"] == ["200000"]


async def test_what_comes_after_the_last_answer_is_not_answered(caplog: pytest.LogCaptureFixture) -> None:
    server = Server(never)
    server.feed(HELLO + headers(1))
    await settle()
    server.connection.go_away()
    ping = PingFrame(opaque_data=b"12345678").serialize()
    server.feed(RstStreamFrame(1, error_code=ErrorCode.CANCEL).serialize() + ping)
    assert server.transport.state == "ended"
    server.transport.written.clear()
    await settle()
    assert not server.transport.written
    assert not caplog.records
