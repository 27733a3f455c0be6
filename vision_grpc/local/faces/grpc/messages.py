"""Messages of gRPC in the body of a request: their lengths, their compression, their limits."""

import asyncio
import struct
import zlib
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from vision_grpc.contract.element_counts import check_element_counts
from vision_grpc.contract.sizes import REQUEST_BYTES
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.budget import Account
from vision_grpc.local.faces.grpc.metadata import ENCODINGS
from vision_grpc.local.faces.http2.errors import BodyEndedError, BodyStalledError
from vision_grpc.local.faces.http2.stream import Stream
from vision_grpc.texts.quoting import show

_HEAD = struct.Struct(">BI")
HEAD_BYTES = _HEAD.size
"""How long the length before a message is."""

# The wbits of zlib for each encoding. What gRPC calls deflate is the format of zlib.
_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
# So much at a time is taken from the budget, for what comes and for what is inflated.
_STEP = 2 << 20

_MessageT = TypeVar("_MessageT", bound=Message)


def framed(message: bytes) -> bytes:
    """Return a message with its length before it."""
    return _HEAD.pack(0, len(message)) + message


class MessageReader:
    """Reads the messages of a request. Each is let in only when the budget has room for it."""

    def __init__(self, stream: Stream, account: Account, encoding: str) -> None:
        self._stream = stream
        self._account = account
        self._encoding = encoding
        self.wire_bytes = 0
        """The bytes of all messages as they came."""

    async def only(self, request_class: type[_MessageT], method: str) -> _MessageT:
        """Return the one message of a unary call.

        Raises:
            ServiceError: there is none, or another one follows, or it is malformed, too long or does not come.
        """
        wire = await self.next()
        if wire is None or self._stream.has_more:
            message = f"{method} takes one message, and the client sent {'none' if wire is None else 'more'}"
            # The code that gRPC has for that.
            raise ServiceError(Code.UNIMPLEMENTED, message)
        return parsed(wire, request_class, method)

    async def next(self) -> bytes | bytearray | None:
        """Return the next message, None if there is none.

        Raises:
            ServiceError: it is malformed or too long, or does not come.
        """
        try:
            if await self._stream.at_end():
                return None
            flag, length = _HEAD.unpack(await self._stream.read(_HEAD.size))
            if flag > 1:
                message = f"the flag of a message is {flag}, neither 0 nor 1"
                raise ServiceError(Code.INTERNAL, message)
            if length > REQUEST_BYTES:
                raise _too_long()
            wire = await self._read(length)
        except BodyEndedError as error:
            message = "the request ends in the middle of a message"
            raise ServiceError(Code.INVALID_ARGUMENT, message) from error
        except BodyStalledError as error:
            raise ServiceError(Code.CANCELLED, str(error)) from error
        self.wire_bytes += length
        return await self._inflate(wire) if flag else wire

    async def _read(self, length: int) -> bytearray:
        """Return so many bytes. A body that stands still holds not much more than what has come of it."""
        wire = bytearray()
        while (left := length - len(wire)) > 0:
            step = min(left, _STEP)
            await self._account.take(step)
            piece = await self._stream.read(step)
            # Most bodies come in one step, and are not copied.
            wire = piece if not wire and isinstance(piece, bytearray) else _extended(wire, piece)
        return wire

    async def _inflate(self, wire: bytes | bytearray) -> bytes:
        if self._encoding not in _WINDOWS:
            message = f"the message is compressed, and grpc-encoding is {show(self._encoding)}"
            raise ServiceError(Code.INTERNAL, message)
        inflater = zlib.decompressobj(_WINDOWS[self._encoding])
        pieces: list[bytes] = []
        left = REQUEST_BYTES
        rest: bytes | bytearray = wire
        try:
            while not inflater.eof:
                await self._account.take(_STEP)
                # A long message must not keep the other calls from their turn.
                await asyncio.sleep(0)
                piece = inflater.decompress(rest, _STEP)
                rest = inflater.unconsumed_tail
                left -= len(piece)
                if left < 0:
                    raise _too_long()
                if not piece and not rest and not inflater.eof:
                    message = "the compressed message is cut"
                    raise ServiceError(Code.INTERNAL, message)
                pieces.append(piece)
        except zlib.error as error:
            message = f"the message is not valid {self._encoding}: {error}"
            raise ServiceError(Code.INTERNAL, message) from error
        self._account.give_back(len(wire))
        return b"".join(pieces)


def check_encoding(encoding: str) -> None:
    """Check that messages of this encoding can be read.

    Raises:
        ServiceError: they cannot.
    """
    if encoding != "identity" and encoding not in _WINDOWS:
        message = f"grpc-encoding {show(encoding)} is not supported, only {ENCODINGS}"
        raise ServiceError(Code.UNIMPLEMENTED, message)


def parsed(wire: bytes | bytearray, request_class: type[_MessageT], method: str) -> _MessageT:
    """Return the message of some bytes.

    Raises:
        InvalidRequestError: a list in them is far too long, and would take gigabytes.
        ServiceError: they are no valid protobuf; gRPC's own servers would say INTERNAL.
    """
    check_element_counts(wire, request_class)
    try:
        # Older versions of protobuf do not take a bytearray.
        return request_class.FromString(memoryview(wire))  # type: ignore[arg-type]
    except DecodeError as error:
        message = f"the {len(wire):,} bytes are not a valid protobuf message of {method}"
        raise ServiceError(Code.INVALID_ARGUMENT, message) from error


def _extended(wire: bytearray, piece: bytes | bytearray) -> bytearray:
    wire += piece
    return wire


def _too_long() -> ServiceError:
    message = f"the message is longer than any valid request, {REQUEST_BYTES:,} bytes"
    return ServiceError(Code.RESOURCE_EXHAUSTED, message)
