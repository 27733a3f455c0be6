"""The streams of a connection, by their numbers."""

from collections.abc import Iterator

from vision_grpc.local.faces.http2.errors import ConnectionBrokenError, ErrorCode
from vision_grpc.local.faces.http2.stream import Stream

# Frames of streams that were cut short may still be under way; so many of these streams are remembered.
_REMEMBERED = 1000


class Streams:
    """The streams that are open, and what is known of the others."""

    def __init__(self) -> None:
        self._open: dict[int, Stream] = {}
        self._cut_short: dict[int, None] = {}
        self.last_id = 0
        """The number of the stream that began last."""

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Stream]:
        return iter(list(self._open.values()))

    def get(self, stream_id: int, what: str = "") -> Stream | None:
        """Return an open stream; None if the frame called `what` may come although the stream is not open.

        Without `what`, any frame may come.

        Raises:
            ConnectionBrokenError: it may not (RFC 9113 section 5.1).
        """
        if (stream := self._open.get(stream_id)) is not None or not what:
            return stream
        if stream_id > self.last_id:
            raise ConnectionBrokenError(ErrorCode.PROTOCOL_ERROR, f"{what} of a stream that has not begun")
        if what in {"DATA", "HEADERS"} and stream_id not in self._cut_short:
            raise ConnectionBrokenError(ErrorCode.STREAM_CLOSED, f"{what} of a stream that has ended")
        return None

    def add(self, stream: Stream) -> None:
        """Add a stream that begins."""
        self._open[stream.stream_id] = stream

    def remove(self, stream: Stream) -> bool:
        """Remove a stream that has ended, and return whether it was there."""
        return self._open.pop(stream.stream_id, None) is not None

    def clear(self) -> list[Stream]:
        """Remove all streams, and return them."""
        streams = list(self._open.values())
        self._open.clear()
        return streams

    def remember(self, stream_id: int) -> None:
        """Ignore frames of a stream that was cut short: the peer may not know it yet."""
        self._cut_short[stream_id] = None
        if len(self._cut_short) > _REMEMBERED:
            del self._cut_short[next(iter(self._cut_short))]

    def forget(self, stream_id: int) -> None:
        """Expect no frames any more of a stream that was cut short: the peer has ended it."""
        self._cut_short.pop(stream_id, None)
