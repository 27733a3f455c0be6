"""HTTP/1.1 connections of the local service, with a small application behind them: refusals, limits, and ends."""

import asyncio
import contextlib
import email.utils
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from raw_http import Answer, head, post
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.budget import BodyBudget
from vision_grpc.local.calls.call import CallIds
from vision_grpc.local.faces.rest.exchange import DRAINED_BYTES, Exchange, exchange_of
from vision_grpc.local.faces.rest.health import health_routes
from vision_grpc.local.faces.rest.http_server import HttpServer, HttpTimes
from vision_grpc.local.faces.rest.reply import failure

if TYPE_CHECKING:
    import socket

PATIENT = HttpTimes(30, 30, 30)
_CHUNKED = {"transfer_encoding": "chunked"}


class Peer:
    """A client that writes bytes and reads answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def end(self) -> None:
        """Send nothing more, but read on."""
        self.writer.write_eof()

    async def receive(self, *, has_body: bool = True) -> Answer:
        """Return the next answer, whose length has to be told."""
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", "0")) if has_body else 0
        return Answer(int(first.split()[1]), headers, await self.reader.readexactly(length))

    async def rest(self) -> bytes:
        """Return what else comes until the service closes the connection."""
        return await self.reader.read()


class House:
    """A server and what its application saw."""

    def __init__(self, times: HttpTimes, budget: BodyBudget) -> None:
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()
        self.exchanges: list[Exchange] = []
        self.cancelled = asyncio.Event()
        routes = [
            Route("/echo", self._echo, methods=["POST"]),
            Route("/refuse", self._refuse, methods=["POST"]),
            Route("/wait", self._wait, methods=["GET", "POST"]),
            Route("/stream", self._stream),
            Route("/large", self._large),
            Route("/bug", self._bug),
            *health_routes(),
        ]
        application = Starlette(routes=routes, exception_handlers={ServiceError: _refused})
        self.server = HttpServer(application, budget=budget, times=times)
        self.port = 0

    async def start(self) -> asyncio.Server:
        listening = await asyncio.get_running_loop().create_server(self.server.protocol, "127.0.0.1", 0)
        self.port = listening.sockets[0].getsockname()[1]
        return listening

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Peer]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Peer(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _echo(self, request: Request) -> Response:
        return Response(await request.body())

    async def _refuse(self, _: Request) -> Response:
        return PlainTextResponse("no", HTTPStatus.FORBIDDEN)

    async def _wait(self, request: Request) -> Response:
        exchange = exchange_of(request.scope)
        self.exchanges.append(exchange)
        self.entered.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return PlainTextResponse("ready" if not exchange.is_stopping else "stopping")

    async def _stream(self, _: Request) -> Response:
        async def events() -> AsyncIterator[bytes]:
            yield b"data: 1\n\n"
            self.entered.set()
            await self.go_on.wait()

        return StreamingResponse(events(), media_type="text/event-stream")

    async def _large(self, _: Request) -> Response:
        self.entered.set()
        return Response(b"x" * 32_000_000)

    async def _bug(self, _: Request) -> Response:
        raise KeyError


async def _refused(_: Request, error: Exception) -> Response:
    return failure(error, CallIds.make())


@contextlib.asynccontextmanager
async def serving(times: HttpTimes = PATIENT, *, budget: BodyBudget | None = None) -> AsyncIterator[House]:
    house = House(times, budget or BodyBudget(10**9))
    listening = await house.start()
    try:
        async with asyncio.timeout(60):
            yield house
    finally:
        listening.close()
        house.server.stop()
        house.server.cut_short()
        await house.server.wait_closed()


async def test_requests_that_are_sent_at_once_are_answered_in_their_order() -> None:
    async with serving() as house, house.connect() as peer:
        peer.send(b"".join(post(b"%d" % number, "/echo") for number in range(20)))
        assert [(await peer.receive()).body for _ in range(20)] == [b"%d" % number for number in range(20)]


async def test_an_answer_is_dated_and_says_nothing_of_the_server() -> None:
    async with serving() as house, house.connect() as peer:
        peer.send(post(b"", "/echo"))
        answer = await peer.receive()
        date = email.utils.parsedate_to_datetime(answer.headers["date"])
        assert abs(date.timestamp() - time.time()) < 60
        assert not {"server", "connection", "transfer-encoding"} & set(answer.headers)


@pytest.mark.parametrize(
    ("request_head", "goes_on"),
    [
        (head("POST", "/echo", content_length=0), True),
        (head("POST", "/echo", content_length=0, connection="close"), False),
        (head("POST", "/echo", content_length=0).replace(b"HTTP/1.1", b"HTTP/1.0"), False),
        (head("POST", "/echo", content_length=0, connection="Upgrade, HTTP2-Settings", upgrade="h2c"), True),
        (head("POST", "/echo", content_length=0, connection="Upgrade", upgrade="websocket"), True),
        (head("HEAD", "/large"), True),
        (head("OPTIONS", "*"), True),
        (head("GET", "/%2e%2e/%00%ff"), True),
    ],
)
async def test_a_connection_goes_on_when_the_client_wants_it(request_head: bytes, *, goes_on: bool) -> None:
    async with serving() as house, house.connect() as peer:
        peer.send(request_head)
        answer = await peer.receive(has_body=not request_head.startswith(b"HEAD"))
        assert (answer.headers.get("connection") == "close") is not goes_on
        if goes_on:
            peer.send(post(b"again", "/echo"))
            assert (await peer.receive()).body == b"again"
        else:
            assert await peer.rest() == b""


@pytest.mark.parametrize("is_chunked", [True, False])
async def test_an_early_refusal_reaches_a_client_that_sends_all_first(*, is_chunked: bool) -> None:
    body = b"x" * 20_000_000
    async with serving() as house, house.connect() as peer:
        for _ in range(2):
            if is_chunked:
                peer.send(head("POST", "/refuse", **_CHUNKED))
                peer.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
            else:
                peer.send(post(body, "/refuse"))
            await peer.writer.drain()
            answer = await peer.receive()
            assert (answer.status, answer.body) == (403, b"no")
            assert "connection" not in answer.headers
        assert house.server.budget.held_bytes == 0


async def test_a_body_that_is_announced_too_long_ends_the_connection() -> None:
    async with serving() as house:
        for path, status in (("/echo", 413), ("/refuse", 403)):
            async with house.connect() as peer:
                peer.send(head("POST", path, content_length=2 * 10**9))
                answer = await peer.receive()
                assert (answer.status, answer.headers["connection"]) == (status, "close")
                # The end is there at once, and what the client sends still is thrown away, so that nothing is reset.
                assert await peer.rest() == b""
                peer.send(b"x" * 5_000_000)
                await peer.writer.drain()


async def test_an_endless_body_is_not_read_forever() -> None:
    chunk = b"100000\r\n%b\r\n" % bytes(0x100000)
    async with serving() as house, house.connect() as peer:
        peer.send(head("POST", "/refuse", **_CHUNKED))
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 2 * DRAINED_BYTES:
                peer.send(chunk)
                await peer.writer.drain()
                sent += len(chunk)
    assert DRAINED_BYTES / 2 < sent < 2 * DRAINED_BYTES


async def test_very_many_small_chunks_are_refused() -> None:
    async with serving() as house, house.connect() as peer:
        peer.send(head("POST", "/echo", **_CHUNKED) + b"1\r\nx\r\n" * 20_000)
        answer = await peer.receive()
        assert (answer.status, answer.json["code"]) == (400, Code.INVALID_ARGUMENT)
        assert answer.headers["connection"] == "close"


async def test_a_client_that_waits_to_be_told_is_refused_without_its_body() -> None:
    async with serving() as house:
        async with house.connect() as peer:
            peer.send(head("POST", "/refuse", content_length=100, expect="100-continue"))
            answer = await peer.receive()
            assert (answer.status, answer.headers["connection"]) == (403, "close")
        async with house.connect() as peer:
            peer.send(head("POST", "/echo", content_length=3, expect="100-continue"))
            assert (await peer.receive()).status == 100
            peer.send(b"abc")
            assert (await peer.receive()).body == b"abc"


MALFORMED: dict[str, tuple[bytes, int]] = {
    "no HTTP": (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "endless head": (b"GET / HTTP/1.1\r\nx: " + b"y" * 100_000, 431),
    "endless line": (b"G" * 100_000, 431),
    "two lengths": (head("POST", "/echo", content_length="1, 2") + b"xx", 400),
    "length and chunks": (head("POST", "/echo", content_length=3, **_CHUNKED) + b"zz\r\n", 400),
    "length and good chunks": (head("POST", "/echo", content_length=3, **_CHUNKED) + b"0\r\n\r\n", 400),
    "chunks in HTTP/1.0": (head("POST", "/echo", **_CHUNKED).replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n", 400),
    "long length": (head("POST", "/echo", content_length="9" * 30), 400),
    "unknown coding": (head("POST", "/echo", transfer_encoding="gzip, chunked"), 501),
    "bad chunk": (head("POST", "/echo", **_CHUNKED) + b"2\r\nab\r\nzz\r\n", 400),
    "negative chunk": (head("POST", "/echo", **_CHUNKED) + b"-2\r\n", 400),
    "long chunk size": (head("POST", "/echo", **_CHUNKED) + b"1" * 100 + b"\r\n", 400),
    "NUL in a header": (b"GET / HTTP/1.1\r\nHost: localhost\r\nx: a\x00b\r\n\r\n", 400),
    "folded name": (b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_what_is_not_http_is_refused_in_json(case: str) -> None:
    data, status = MALFORMED[case]
    async with serving() as house, house.connect() as peer:
        peer.send(data)
        answer = await peer.receive()
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert len(answer.body) < 1000
        assert answer.json["code"] == Code.INVALID_ARGUMENT
        assert answer.headers["x-request-id"] in answer.body.decode()


async def test_an_answered_call_that_goes_on_as_malformed_http_ends() -> None:
    async with serving() as house, house.connect() as peer:
        peer.send(head("POST", "/refuse", **_CHUNKED))
        assert (await peer.receive()).status == 403
        peer.send(b"zz\r\n")
        assert await peer.rest() == b""


@pytest.mark.parametrize(
    ("times", "sent", "status"),
    [
        (HttpTimes(0.05, 30, 30), b"", None),
        (HttpTimes(0.05, 30, 30), b"POST /echo HT", 408),
        (HttpTimes(0.05, 30, 30), post(b"", "/echo") + b"POST /echo HT", 408),
        (HttpTimes(30, 0.05, 30), head("POST", "/echo", content_length=9) + b"x", 408),
        (HttpTimes(30, 30, 0.05), head("POST", "/echo", content_length=9) + b"x", 408),
        (HttpTimes(30, 30, 30, idle_s=0.05), post(b"", "/echo"), None),
        (HttpTimes(30, 30, 30, drain_s=0.05), head("POST", "/refuse", content_length=9) + b"x", None),
    ],
)
async def test_silent_clients_are_not_waited_for(times: HttpTimes, sent: bytes, status: int | None) -> None:
    async with serving(times) as house, house.connect() as peer:
        peer.send(sent)
        if sent.startswith(b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0"):
            assert (await peer.receive()).status == 200
        elif b"/refuse" in sent:
            assert (await peer.receive()).status == 403
        if status is not None:
            answer = await peer.receive()
            assert (answer.status, answer.json["code"]) == (status, Code.DEADLINE_EXCEEDED)
            assert answer.headers["connection"] == "close"
        with contextlib.suppress(ConnectionResetError):
            assert await peer.rest() == b""
    assert house.server.budget.held_bytes == 0


async def test_a_body_that_comes_byte_by_byte_has_its_time() -> None:
    async with serving(HttpTimes(30, 30, 0.3)) as house, house.connect() as peer:
        peer.send(head("POST", "/echo", content_length=10**6))

        async def trickle() -> None:
            while True:
                peer.send(b"x")
                await asyncio.sleep(0.01)

        sending = asyncio.create_task(trickle())
        answer = await peer.receive()
        sending.cancel()
        assert answer.status == 408
        assert "not whole after 0.3 s" in answer.json["message"]


async def test_a_client_that_does_not_read_is_left() -> None:
    async with serving(HttpTimes(30, 30, 30, stall_s=0.1)) as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port, limit=1024)
        writer.write(head("GET", "/large"))
        await house.entered.wait()
        # The reader takes no more than its limit. What it has not taken is lost when the service breaks off.
        house.server.is_stopping = True
        await house.server.wait_closed()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await reader.readexactly(32_000_000)
        writer.close()


async def test_bodies_share_a_budget() -> None:
    async with serving(budget=BodyBudget(1_000_000, wait_s=0.05)) as house:  # noqa: SIM117
        async with house.connect() as first, house.connect() as second, house.connect() as third:
            for peer in (first, second):
                peer.send(head("POST", "/echo", content_length=900_001) + bytes(900_000))
            # One of the two may take more than is free, so that the other is refused.
            done, _ = await asyncio.wait(
                [asyncio.create_task(first.receive()), asyncio.create_task(second.receive())],
                return_when=asyncio.FIRST_COMPLETED,
            )
            [refused] = done
            answer = refused.result()
            assert (answer.status, answer.json["code"]) == (429, Code.RESOURCE_EXHAUSTED)
            assert answer.headers["retry-after"] == "1"
            assert any("RetryInfo" in detail["@type"] for detail in answer.json["details"])
            third.send(post(b"small", "/echo"))
            assert (await third.receive()).body == b"small"
            for peer in (first, second):
                peer.send(b"x")


async def test_what_bodies_take_is_given_back() -> None:
    async with serving() as house, house.connect() as peer:
        for path in ("/echo", "/refuse", "/nowhere", "/bug"):
            async with house.connect() as other:
                other.send(post(b"x" * 100_000, path))
                await other.receive()
        async with house.connect() as leaver:
            leaver.send(head("POST", "/echo", content_length=10**6) + b"x" * 10_000)
        peer.send(post(b"1", "/echo"))
        await peer.receive()
        house.server.stop()
        await house.server.wait_closed()
        assert house.server.budget.held_bytes == 0


async def test_the_application_is_cancelled_when_its_client_leaves() -> None:
    async with serving() as house:
        async with house.connect() as peer:
            peer.send(head("GET", "/wait"))
            await house.entered.wait()
        await house.cancelled.wait()
        assert house.exchanges[0].left.is_set()


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
async def test_a_client_that_sends_nothing_more_gets_its_answer(connection: str) -> None:
    async with serving(PATIENT._replace(unsure_s=30)) as house, house.connect() as peer, house.connect() as other:
        peer.send(head("GET", "/wait", connection=connection))
        peer.end()
        await house.entered.wait()
        # The end has been seen when another connection has been answered.
        other.send(post(b"", "/echo"))
        await other.receive()
        house.go_on.set()
        assert (await peer.receive()).body == b"ready"
        assert await peer.rest() == b""


async def test_all_requests_before_the_end_are_answered() -> None:
    async with serving() as house, house.connect() as peer:
        peer.send(post(b"a", "/echo") + post(b"b", "/echo") + post(b"c", "/echo", connection="close"))
        peer.end()
        assert [(await peer.receive()).body for _ in range(3)] == [b"a", b"b", b"c"]
        assert await peer.rest() == b""


@pytest.mark.parametrize(
    ("times", "sent"),
    [
        (PATIENT._replace(unsure_s=0.05), head("GET", "/wait")),
        (PATIENT._replace(unsure_s=0.05), head("GET", "/livez") + head("GET", "/wait")),
        (PATIENT._replace(last_answer_s=0.05), head("GET", "/wait", connection="close")),
        (PATIENT._replace(last_answer_s=0.05), head("GET", "/wait").replace(b"HTTP/1.1", b"HTTP/1.0")),
        (PATIENT, head("POST", "/wait", content_length=9) + b"x"),
    ],
)
async def test_a_client_that_sends_nothing_more_is_not_waited_for_long(times: HttpTimes, sent: bytes) -> None:
    async with serving(times) as house, house.connect() as peer:
        peer.send(sent)
        await house.entered.wait()
        peer.end()
        await house.cancelled.wait()
        assert house.exchanges[0].left.is_set()


async def test_a_reader_of_events_that_ends_has_left() -> None:
    async with serving() as house, house.connect() as peer:
        peer.send(head("GET", "/stream"))
        await house.entered.wait()
        peer.end()
        assert b"data: 1\n\n" in await peer.rest()


async def test_a_frozen_connection_may_make_room() -> None:
    async with serving() as house, house.connect() as peer:
        peer.send(head("GET", "/wait"))
        await house.entered.wait()
        line = house.exchanges[0].line
        assert line.idle_since is None
        line.freeze()
        assert line.idle_since is not None
        line.transport.abort()


async def test_a_stopping_server_closes_idle_connections_and_answers_the_others() -> None:
    async with serving() as house, house.connect() as idle, house.connect() as busy, house.connect() as late:
        idle.send(post(b"", "/echo"))
        await idle.receive()
        busy.send(head("GET", "/wait"))
        await house.entered.wait()
        house.server.stop()
        assert await idle.rest() == b""
        async with house.connect() as new:
            new.send(post(b"new", "/echo"))
            answer = await new.receive()
            assert (answer.body, answer.headers["connection"]) == (b"new", "close")
        for path, status in (("/readyz", 503), ("/livez", 200), ("/healthz", 200)):
            async with house.connect() as new:
                new.send(head("GET", path))
                assert (await new.receive()).status == status
        house.go_on.set()
        answer = await busy.receive()
        assert (answer.body, answer.headers["connection"]) == (b"stopping", "close")
        assert await busy.rest() == b""
        assert await late.rest() == b""
        await house.server.wait_closed()


async def test_streams_of_events_end_when_the_server_stops() -> None:
    async with serving() as house, house.connect() as peer:
        peer.send(head("GET", "/stream"))
        await house.entered.wait()
        house.server.stop()
        assert b"data: 1\n\n" in await peer.rest()
        await house.server.wait_closed()


async def test_calls_that_are_cut_short_do_not_hold_the_server() -> None:
    async with serving() as house, house.connect() as peer, house.connect() as silent:
        peer.send(head("GET", "/wait"))
        await house.entered.wait()
        silent.send(head("POST", "/echo", content_length=9))
        house.server.stop()
        house.server.cut_short()
        await house.server.wait_closed()


async def test_a_bug_harms_no_other_request(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as house, house.connect() as peer, house.connect() as other:
        peer.send(head("GET", "/bug"))
        assert (await peer.receive()).status == 500
        other.send(post(b"ok", "/echo"))
        assert (await other.receive()).body == b"ok"
    assert [record.exc_info is not None for record in caplog.records if record.levelname == "ERROR"] == [True]


class TestLine:
    """What faults do to a connection."""

    async def _in_a_call(self, house: House, peer: Peer) -> Any:  # noqa: ANN401
        peer.send(head("GET", "/wait"))
        await house.entered.wait()
        return house.exchanges[0].line

    @pytest.mark.parametrize("kind", ["reset", "reset_call"])
    async def test_reset(self, kind: str) -> None:
        async with serving() as house, house.connect() as peer:
            getattr(await self._in_a_call(house, peer), kind)()
            with pytest.raises(ConnectionResetError):
                await peer.rest()
            await house.cancelled.wait()

    async def test_close(self) -> None:
        async with serving() as house, house.connect() as peer:
            (await self._in_a_call(house, peer)).close()
            assert await peer.rest() == b""
            await house.cancelled.wait()

    async def test_go_away(self) -> None:
        async with serving() as house, house.connect() as peer:
            (await self._in_a_call(house, peer)).go_away()
            house.go_on.set()
            assert (await peer.receive()).headers["connection"] == "close"
            assert await peer.rest() == b""

    async def test_freeze(self) -> None:
        async with serving() as house, house.connect() as peer, house.connect() as other:
            (await self._in_a_call(house, peer)).freeze()
            house.go_on.set()
            reading = asyncio.create_task(peer.reader.read(1))
            for number in range(3):
                other.send(post(b"%d" % number, "/echo"))
                await other.receive()
            assert not reading.done()
            house.server.stop()
            with contextlib.suppress(ConnectionResetError):
                assert await reading == b""


async def test_a_connection_lasts_many_requests_and_leaves_nothing() -> None:
    async with serving() as house, house.connect() as peer:
        for number in range(300):
            peer.send(post(b"%d" % number, "/echo"))
            assert (await peer.receive()).status == 200
        connected: socket.socket = peer.writer.get_extra_info("socket")
        assert connected.getpeername()[1] == house.port
        assert house.server.budget.held_bytes == 0
