"""Frames from bytes, wherever these were cut on the way, and bytes of frames."""

import struct
from typing import Protocol

from hyperframe.exceptions import HyperframeError, InvalidFrameError
from hyperframe.frame import (
    ContinuationFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from vision_grpc.local.faces.http2.errors import ConnectionBrokenError, ErrorCode

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends first (RFC 9113 section 3.4)."""

_HEAD = struct.Struct(">HBBBL")
_HEAD_BYTES = 9
_DATA = 0x0
_END_STREAM = 0x1
_PADDED = 0x8
_HEADERS = (HeadersFrame.type, ContinuationFrame.type)
_KNOWN = {
    _DATA,
    *(kind.type for kind in (PriorityFrame, RstStreamFrame, SettingsFrame, PingFrame, GoAwayFrame, WindowUpdateFrame)),
    *_HEADERS,
    0x5,
}


class FrameSink(Protocol):
    """Takes what a reader finds. Any method may raise ConnectionBrokenError."""

    def data_begins(self, stream_id: int, length: int, *, ends: bool) -> None:
        """A DATA frame with a payload of `length` bytes, padding included, follows."""

    def data_comes(self, stream_id: int, part: memoryview) -> None:
        """Some of its data. The view is valid during the call only."""

    def padding_comes(self, stream_id: int, length: int) -> None:
        """So many bytes of the payload are padding, their length included."""

    def data_ends(self, stream_id: int, *, ends: bool) -> None:
        """The end of the frame; with `ends` also that of the body."""

    def frame_comes(self, frame: Frame) -> None:
        """A frame of another kind, or the beginning of one of an unknown kind, which is skipped."""


class FrameReader:
    """Cuts bytes into frames, after the preface.

    The payload of DATA is passed on as it comes, without waiting for the rest of it.
    """

    def __init__(self, sink: FrameSink, *, data_bytes: int, other_bytes: int) -> None:
        self._sink = sink
        self._data_bytes = data_bytes
        self._other_bytes = other_bytes
        self._preface_left = PREFACE
        self._partial = bytearray()
        self._wanted = _HEAD_BYTES
        # The frame whose payload is wanted; if it is not there, the head of one is.
        self._frame: Frame | None = None
        # The DATA frame that is passed on.
        self._stream_id = 0
        self._ends = False
        self._padded = 0
        self._data_left = 0
        self._skipped_left = 0
        self._in_data = False
        self.begun = 0
        """How many frames have begun."""

    @property
    def within(self) -> bool:
        """Whether a frame other than DATA has begun and not ended."""
        return self._frame is not None or len(self._partial) > 0

    def feed(self, view: memoryview) -> None:
        """Take the next bytes of the connection.

        Raises:
            ConnectionBrokenError: they are no frame, or the sink refuses the frame.
        """
        if self._preface_left:
            view = self._skip_preface(view)
        at, end = 0, len(view)
        while at < end:
            if self._data_left:
                part = view[at : at + self._data_left]
                at += len(part)
                self._data_left -= len(part)
                self._sink.data_comes(self._stream_id, part)
                self._end_data()
            elif self._skipped_left:
                skipped = min(self._skipped_left, end - at)
                at += skipped
                self._skipped_left -= skipped
                self._end_data()
            elif self._partial or end - at < self._wanted:
                taken = view[at : at + self._wanted - len(self._partial)]
                at += len(taken)
                self._partial += taken
                if len(self._partial) == self._wanted:
                    piece = memoryview(bytes(self._partial))
                    self._partial.clear()
                    self._step(piece)
            else:
                piece = view[at : at + self._wanted]
                at += self._wanted
                self._step(piece)

    def _skip_preface(self, view: memoryview) -> memoryview:
        part = bytes(view[: len(self._preface_left)])
        if not self._preface_left.startswith(part):
            raise ConnectionBrokenError(ErrorCode.PROTOCOL_ERROR, "the preface of HTTP/2 is missing")
        self._preface_left = self._preface_left[len(part) :]
        return view[len(part) :]

    def _step(self, piece: memoryview) -> None:
        """Take the head of a frame, the payload of one, or the length of the padding of DATA."""
        if self._padded:
            length, self._padded, self._wanted = self._padded, 0, _HEAD_BYTES
            padding = piece[0]
            if padding >= length:
                raise ConnectionBrokenError(ErrorCode.PROTOCOL_ERROR, "more padding than payload")
            self._data_left, self._skipped_left = length - 1 - padding, padding
            self._sink.padding_comes(self._stream_id, 1 + padding)
            self._end_data()
        elif self._frame is None:
            self._begin(piece)
        else:
            self._finish(self._frame, piece)

    def _begin(self, head: memoryview) -> None:
        high, low, kind, flags, stream_id = _HEAD.unpack(head)
        length = (high << 8) + low
        stream_id &= 0x7FFFFFFF
        self.begun += 1
        if length > self._data_bytes:
            raise ConnectionBrokenError(ErrorCode.FRAME_SIZE_ERROR, f"a frame of {length:,} bytes")
        if kind == _DATA:
            self._begin_data(stream_id, length, flags)
            return
        try:
            frame, _ = Frame.parse_frame_header(head)
        except HyperframeError as error:
            raise ConnectionBrokenError(ErrorCode.PROTOCOL_ERROR, str(error)) from error
        if kind not in _KNOWN:
            # RFC 9113 section 5.5: unknown kinds are ignored.
            self._skipped_left = length
            self._sink.frame_comes(frame)
            return
        if length > self._other_bytes:
            code = ErrorCode.ENHANCE_YOUR_CALM if kind in _HEADERS else ErrorCode.FRAME_SIZE_ERROR
            raise ConnectionBrokenError(code, f"a {type(frame).__name__} of {length:,} bytes")
        if length:
            self._frame, self._wanted = frame, length
        else:
            self._finish(frame, memoryview(b""))

    def _finish(self, frame: Frame, payload: memoryview) -> None:
        self._frame, self._wanted = None, _HEAD_BYTES
        try:
            frame.parse_body(payload)
        except InvalidFrameError as error:
            raise ConnectionBrokenError(ErrorCode.FRAME_SIZE_ERROR, str(error)) from error
        except HyperframeError as error:
            acknowledges = isinstance(frame, SettingsFrame) and "ACK" in frame.flags
            code = ErrorCode.FRAME_SIZE_ERROR if acknowledges else ErrorCode.PROTOCOL_ERROR
            raise ConnectionBrokenError(code, str(error)) from error
        self._sink.frame_comes(frame)

    def _begin_data(self, stream_id: int, length: int, flags: int) -> None:
        if stream_id == 0:
            raise ConnectionBrokenError(ErrorCode.PROTOCOL_ERROR, "DATA without a stream")
        self._stream_id, self._ends, self._in_data = stream_id, bool(flags & _END_STREAM), True
        self._sink.data_begins(stream_id, length, ends=self._ends)
        if not flags & _PADDED:
            self._data_left = length
            self._end_data()
        elif length == 0:
            raise ConnectionBrokenError(ErrorCode.FRAME_SIZE_ERROR, "padded DATA without a payload")
        else:
            self._padded, self._wanted = length, 1

    def _end_data(self) -> None:
        if self._in_data and not self._data_left and not self._skipped_left:
            self._in_data = False
            self._sink.data_ends(self._stream_id, ends=self._ends)


def data_head(stream_id: int, length: int) -> bytes:
    """Return the head of a DATA frame that does not end its stream."""
    return _HEAD.pack(length >> 8, length & 0xFF, _DATA, 0, stream_id)


def header_frames(stream_id: int, block: bytes, largest: int, *, ends: bool) -> bytes:
    """Return the frames of a header block, which none of them exceeds with `largest` bytes."""
    pieces = [block[start : start + largest] for start in range(0, len(block), largest)]
    frames: list[Frame] = [HeadersFrame(stream_id, pieces[0], flags=["END_STREAM"] if ends else [])]
    frames += [ContinuationFrame(stream_id, piece) for piece in pieces[1:]]
    frames[-1].flags.add("END_HEADERS")
    return b"".join(frame.serialize() for frame in frames)
