"""The first bytes of a connection, which say what it speaks."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, cast

from vision_grpc.local.faces.http2.frames import PREFACE

# A client that connects has something to say.
_SILENCE_S = 20.0


class Makers(NamedTuple):
    """What makes the protocols of connections, and looks after them."""

    http1: Callable[[], asyncio.Protocol]
    http2: Callable[[], asyncio.BufferedProtocol]
    look: Callable[[float], None]
    """Called about once a second with the time of the loop."""


class FirstBytes(asyncio.Protocol):
    """The protocol of a connection until its first bytes have come; then it is handed over."""

    def __init__(self, makers: Makers) -> None:
        self._makers = makers
        self._loop = asyncio.get_running_loop()
        self._bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first bytes, but not for long."""
        self._transport = cast("asyncio.Transport", transport)
        self._timer = self._loop.call_later(_SILENCE_S, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        """Hand the connection over once it is clear to whom."""
        self._bytes += data
        start = self._bytes[: len(PREFACE)]
        if start == PREFACE:
            self._hand_to_http2()
        elif not PREFACE.startswith(start):
            self._hand_to_http1()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Wait no more."""
        self._timer.cancel()

    def go_away(self) -> None:
        """Say nothing: it is not known in which protocol."""

    def _hand_to_http1(self) -> None:
        protocol = self._makers.http1()
        self._hand_to(protocol)
        protocol.data_received(self._bytes)

    def _hand_to_http2(self) -> None:
        protocol = self._makers.http2()
        self._hand_to(protocol)
        left = self._bytes
        while left:
            buffer = cast("memoryview", protocol.get_buffer(len(left)))
            piece, left = left[: len(buffer)], left[len(buffer) :]
            buffer[: len(piece)] = piece
            protocol.buffer_updated(len(piece))

    def _hand_to(self, protocol: asyncio.BaseProtocol) -> None:
        self._timer.cancel()
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
