"""A connection of HTTP/2, from its first byte to its last."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeAlias, cast

from hyperframe.frame import (
    ContinuationFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from vision_grpc.local.faces.http2.allowance import RESET, Allowance
from vision_grpc.local.faces.http2.errors import ConnectionBrokenError, ErrorCode, StreamBrokenError
from vision_grpc.local.faces.http2.fields import (
    MOST_BLOCK_BYTES,
    FieldDecoder,
    FieldEncoder,
    HeaderBlock,
    RawFields,
    as_request,
    check_trailers,
)
from vision_grpc.local.faces.http2.frames import FrameReader
from vision_grpc.local.faces.http2.limits import Limits
from vision_grpc.local.faces.http2.outlet import DEFAULT_WINDOW, Outlet
from vision_grpc.local.faces.http2.parting import Parting
from vision_grpc.local.faces.http2.stream import Stream
from vision_grpc.local.faces.http2.streams import Streams
from vision_grpc.local.listening import join_address

Serve: TypeAlias = Callable[[Stream], Coroutine[None, None, None]]
"""Answers a request. It begins with the head of the request, and is cancelled when the client leaves."""

_log = logging.getLogger(__name__)
# Smaller frames of DATA are mostly overhead.
_SMALL_DATA = 256


class Connection(asyncio.BufferedProtocol):
    """The protocol of one connection. `buffer` may be shared by all connections of an event loop."""

    def __init__(
        self,
        serve: Serve,
        *,
        buffer: bytearray,
        limits: Limits | None = None,
        on_lost: Callable[["Connection"], object] = lambda _: None,
    ) -> None:
        self._serve = serve
        self._view = memoryview(buffer)
        self.limits = Limits() if limits is None else limits
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._allowance = Allowance(now)
        self.encoder = FieldEncoder()
        self._decoder = FieldDecoder()
        self._reader = FrameReader(self, data_bytes=self.limits.frame_bytes, other_bytes=MOST_BLOCK_BYTES)
        self._takers: dict[type[Frame], Callable[[Any], None]] = {
            HeadersFrame: self._take_block,
            ContinuationFrame: self._take_block,
            SettingsFrame: self._take_settings,
            WindowUpdateFrame: self._take_window_update,
            PingFrame: self._take_ping,
            RstStreamFrame: self._take_reset,
            PushPromiseFrame: _refuse_push,
        }
        self._greeted = False
        self._streams = Streams()
        self._let_in = self.limits.connection_window
        self._going_away = False
        self._frozen = False
        self._made_at = self._heard_at = self._slow_since = now
        self._slow: int | None = None
        self._asked_at: float | None = None
        self.idle_since: float | None = now
        """Since when there is no request; None while there is one."""

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the peer."""
        self._transport = cast("asyncio.Transport", transport)
        self.outlet = Outlet(self._transport, self._loop, self._allowance, self.limits.unread_bytes)
        self._parting = Parting(self._transport, self._loop, self.limits)
        settings = {
            SettingsFrame.MAX_CONCURRENT_STREAMS: self.limits.streams,
            SettingsFrame.MAX_FRAME_SIZE: self.limits.frame_bytes,
            SettingsFrame.MAX_HEADER_LIST_SIZE: self.limits.header_bytes,
        }
        self.outlet.write(SettingsFrame(settings=settings))
        self.outlet.write(WindowUpdateFrame(0, self.limits.connection_window - DEFAULT_WINDOW))

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Return where the next bytes go."""
        # A view, because asyncio's TLS writes into slices of it, and those of a bytearray are copies.
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Take the next bytes."""
        if self._frozen or self._parting.begun:
            return
        self._heard_at = self._loop.time()
        self._asked_at = None
        try:
            self._reader.feed(self._view[:nbytes])
        except ConnectionBrokenError as error:
            self._break(error)

    def eof_received(self) -> None:
        """End: a client that sends no more waits for nothing either."""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Tell all streams."""
        self._parting.done()
        self._forget_all()
        self._on_lost(self)

    def pause_writing(self) -> None:
        """Hold DATA back."""
        self.outlet.hold()

    def resume_writing(self) -> None:
        """Let DATA go on."""
        self.outlet.release()

    # What the server calls.

    def go_away(self) -> None:
        """Take no more requests; the connection ends after the last response, or at once if it is frozen."""
        if self._frozen:
            self.abort()
        elif not self._going_away:
            self._going_away = True
            self.outlet.write(GoAwayFrame(last_stream_id=self._streams.last_id))
            self._part_if_done()

    def close(self) -> None:
        """End the connection after what was written."""
        self._forget_all()
        self._parting.begin()

    def abort(self, *, reset: bool = False) -> None:
        """Break the connection off; with `reset` by a TCP reset."""
        self._forget_all()
        self._parting.abort(reset=reset)

    def freeze(self) -> None:
        """Neither read nor write any more, and leave the connection open."""
        self._frozen = True
        self._loop.call_later(self.limits.frozen_s, self.abort)
        self.outlet.flush()
        self.outlet.close()
        self._transport.pause_reading()

    def look(self, now: float) -> None:
        """End what takes too long, and ask a silent peer whether it is there; to be called about once a second."""
        if self._frozen or self._parting.begun:
            return
        for stream in self._streams:
            stream.look(now)
        # A frame or a header block that has begun, by a number that no other one has.
        block = self._decoder.begun
        slow = block.stream_id if block else -self._reader.begun if self._reader.within else None
        if slow != self._slow:
            self._slow, self._slow_since = slow, now
        if not self._greeted and now - self._made_at > self.limits.hello_s:
            self._break(ConnectionBrokenError(ErrorCode.SETTINGS_TIMEOUT, "the first SETTINGS did not come"))
        elif slow is not None and now - self._slow_since > self.limits.hello_s:
            self._break(ConnectionBrokenError(ErrorCode.ENHANCE_YOUR_CALM, "a frame that does not come to its end"))
        elif self._asked_at is not None:
            if now - self._asked_at > self.limits.ping_s:
                _log.info("%s is silent and does not answer PING: its connection ends", self.peer)
                self.abort()
        elif now - self._heard_at > self.limits.ping_after_s:
            self._asked_at = now
            self.outlet.write(PingFrame())

    # What streams call.

    def reset_stream(self, stream: Stream, code: ErrorCode) -> None:
        """End a stream with RST_STREAM."""
        self._refuse(stream.stream_id, code, peer_ended=stream.peer_ended)
        self._remove(stream)

    def finish_stream(self, stream: Stream) -> None:
        """Take note that the response of a stream is complete."""
        self._allowance.answered()
        if not stream.peer_ended:
            # The client need not send the rest (RFC 9113 section 8.1).
            self._refuse(stream.stream_id, ErrorCode.NO_ERROR, peer_ended=False)
        self._remove(stream)

    # What the reader calls.

    def data_begins(self, stream_id: int, length: int, *, ends: bool) -> None:
        """Account for a DATA frame."""
        if self._decoder.begun or not self._greeted:
            raise ConnectionBrokenError(ErrorCode.PROTOCOL_ERROR, "DATA in the middle of something else")
        self._let_in -= length
        if self._let_in < 0:
            raise ConnectionBrokenError(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the connection's window allows")
        if self._let_in < self.limits.connection_window // 2:
            self.outlet.write(WindowUpdateFrame(0, self.limits.connection_window - self._let_in))
            self._let_in = self.limits.connection_window
        if length < _SMALL_DATA and not ends:
            self._spend(1)
        if stream := self._streams.get(stream_id, "DATA"):
            try:
                stream.data_begins(length)
            except StreamBrokenError as error:
                self._break_stream(stream, error)

    def data_comes(self, stream_id: int, part: memoryview) -> None:
        """Hand data to its stream."""
        if stream := self._streams.get(stream_id):
            stream.data_comes(part)

    def padding_comes(self, stream_id: int, length: int) -> None:
        """Let more data of a stream in, for padding is not read by anybody."""
        if stream := self._streams.get(stream_id):
            stream.padding_comes(length)

    def data_ends(self, stream_id: int, *, ends: bool) -> None:
        """Tell a stream that its body has ended."""
        if not ends:
            return
        if stream := self._streams.get(stream_id):
            try:
                stream.peer_ends()
            except StreamBrokenError as error:
                self._break_stream(stream, error)
        else:
            self._streams.forget(stream_id)

    def frame_comes(self, frame: Frame) -> None:
        """Take a frame other than DATA."""
        if self._decoder.begun and not isinstance(frame, ContinuationFrame):
            raise ConnectionBrokenError(ErrorCode.PROTOCOL_ERROR, "a header block was interrupted")
        if not self._greeted and (not isinstance(frame, SettingsFrame) or "ACK" in frame.flags):
            raise ConnectionBrokenError(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        if not isinstance(frame, HeadersFrame):
            self._spend(1)
        # PRIORITY is of the past (section 5.3.2), and a client's GOAWAY is about streams that a server begins.
        if take := self._takers.get(type(frame)):
            take(frame)

    # The kinds of frames.

    def _take_block(self, frame: HeadersFrame | ContinuationFrame) -> None:
        if frame.stream_id % 2 == 0:
            raise ConnectionBrokenError(ErrorCode.PROTOCOL_ERROR, "a client's streams have odd numbers")
        if (complete := self._decoder.take(frame)) is None:
            return
        block, fields = complete
        if block.stream_id > self._streams.last_id:
            self._streams.last_id = block.stream_id
            self._begin_request(block, fields)
        elif stream := self._streams.get(block.stream_id, "HEADERS"):
            self._take_trailers(stream, fields, ends=block.ends)

    def _begin_request(self, block: HeaderBlock, fields: RawFields) -> None:
        if self._going_away:
            # The client knows from GOAWAY that nobody sees this request.
            self._streams.remember(block.stream_id)
            return
        if len(self._streams) >= self.limits.streams:
            self._spend(RESET)
            self._refuse(block.stream_id, ErrorCode.REFUSED_STREAM, peer_ended=block.ends)
            return
        try:
            request = as_request(fields, self.limits.header_bytes)
            stream = Stream(self, block.stream_id, request, peer_ended=block.ends)
        except StreamBrokenError as error:
            self._spend(RESET)
            _log.info("a request of %s was refused: %s", self.peer, error)
            self._refuse(block.stream_id, error.code, peer_ended=block.ends)
            return
        self._streams.add(stream)
        self.idle_since = None
        stream.serve(self._serve(stream)).add_done_callback(partial(_end_at_last, stream))

    def _take_trailers(self, stream: Stream, fields: RawFields, *, ends: bool) -> None:
        try:
            check_trailers(fields, ends=ends)
            stream.peer_ends()
        except StreamBrokenError as error:
            self._break_stream(stream, error)

    def _take_settings(self, frame: SettingsFrame) -> None:
        self._greeted = True
        if "ACK" in frame.flags:
            return
        growth = self.outlet.apply(frame.settings)
        if SettingsFrame.HEADER_TABLE_SIZE in frame.settings:
            self.encoder.set_table_bytes(frame.settings[SettingsFrame.HEADER_TABLE_SIZE])
        for stream in self._streams:
            stream.enlarge(growth)
        self.outlet.write(SettingsFrame(flags=["ACK"]))

    def _take_ping(self, frame: PingFrame) -> None:
        if "ACK" not in frame.flags:
            self.outlet.write(PingFrame(opaque_data=frame.opaque_data, flags=["ACK"]))

    def _take_window_update(self, frame: WindowUpdateFrame) -> None:
        if frame.stream_id == 0:
            self.outlet.enlarge(frame.window_increment)
        elif stream := self._streams.get(frame.stream_id, "WINDOW_UPDATE"):
            try:
                stream.enlarge(frame.window_increment)
            except ConnectionBrokenError as error:
                self._break_stream(stream, StreamBrokenError(error.code, error.reason))

    def _take_reset(self, frame: RstStreamFrame) -> None:
        if stream := self._streams.get(frame.stream_id, "RST_STREAM"):
            self._spend(RESET)
            self._remove(stream)
            stream.leave()
        else:
            self._streams.forget(frame.stream_id)

    # The ends.

    def _break_stream(self, stream: Stream, error: StreamBrokenError) -> None:
        self._spend(RESET)
        _log.info("a request of %s was ended: %s", self.peer, error)
        stream.reset(error.code)
        stream.leave()

    def _break(self, error: ConnectionBrokenError) -> None:
        _log.warning("the connection of %s was ended: %s", self.peer, error)
        self._forget_all()
        goodbye = GoAwayFrame(
            last_stream_id=self._streams.last_id, error_code=error.code, additional_data=error.reason.encode()[:200]
        )
        self._parting.begin(goodbye.serialize())

    def _forget_all(self) -> None:
        self.outlet.flush()
        self.outlet.close()
        for stream in self._streams.clear():
            stream.leave()
        self.idle_since = self._loop.time()

    def _part_if_done(self) -> None:
        if self._going_away and not self._streams and not self._parting.begun:
            self.outlet.flush()
            # The answers to what may still come have no place to go.
            self.outlet.close()
            self._parting.begin()

    def _remove(self, stream: Stream) -> None:
        if not self._streams.remove(stream):
            return
        self.outlet.withdraw(stream)
        if not self._streams:
            self.idle_since = self._loop.time()
            self._part_if_done()

    def _refuse(self, stream_id: int, code: ErrorCode, *, peer_ended: bool) -> None:
        self.outlet.write(RstStreamFrame(stream_id, error_code=code))
        if not peer_ended:
            self._streams.remember(stream_id)

    def _spend(self, price: float) -> None:
        if not self._allowance.spend(price, self._heard_at):
            raise ConnectionBrokenError(ErrorCode.ENHANCE_YOUR_CALM, "more frames than there is work in them")

    @property
    def peer(self) -> str:
        """The address of the client, `host:port`."""
        host, port, *_ = self._transport.get_extra_info("peername") or ("", 0)
        return join_address(host, port)


def _end_at_last(stream: Stream, task: asyncio.Task[None]) -> None:
    """Reset a stream that its work has left without a response, and log a bug."""
    if task.cancelled():
        stream.reset(ErrorCode.CANCEL)
        return
    if error := task.exception():
        _log.error("the service has a bug", exc_info=error)
    stream.reset(ErrorCode.INTERNAL_ERROR)


def _refuse_push(_: PushPromiseFrame) -> None:
    raise ConnectionBrokenError(ErrorCode.PROTOCOL_ERROR, "a client does not push")
