"""What a peer may ask of a connection, and how long it may take."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of one connection. The defaults let every honest client through."""

    streams: int = 100
    """Requests at once; further ones are refused, and clients send them again."""

    header_bytes: int = 16 * 1024
    """Size of a header list, as HPACK counts it."""

    frame_bytes: int = 1 << 20
    """Payload of a DATA frame."""

    first_window: int = 65_535
    """How much of a body comes in before it is read, per request. It is the default of HTTP/2, so that it is in force
    from the first byte on."""

    connection_window: int = 16 << 20
    """Bytes under way on the whole connection. Bodies are bounded by the windows of their streams."""

    hello_s: float = 10.0
    """Time until the first SETTINGS, and for a frame that has begun or a header block in pieces."""

    stall_s: float = 30.0
    """Time in which a body, or an answer, must make progress."""

    stall_bytes: int = 1024
    """The progress that counts."""

    ping_after_s: float = 60.0
    """Silence after which the peer is asked whether it is there."""

    ping_s: float = 20.0
    """How long it may take to answer."""

    farewell_s: float = 0.5
    """How long a connection that was ended stays open when the system has taken what was sent last."""

    frozen_s: float = 600.0
    """How long a frozen connection is left open. The system does not say when the client of one has left."""

    unread_bytes: int = 1 << 20
    """Bytes that wait for a peer that does not read; if it still asks for more, the connection ends."""
