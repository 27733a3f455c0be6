"""What a fault may do to the connection of a call."""

from vision_grpc.local.faces.http2.errors import ErrorCode
from vision_grpc.local.faces.http2.stream import Stream


class GrpcLine:
    """The stream of a call, and its connection."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def reset(self) -> None:
        """Break the connection off (TCP RST)."""
        self._stream.connection.abort(reset=True)

    def close(self) -> None:
        """Close the connection after what was written (TCP FIN)."""
        self._stream.connection.close()

    def reset_call(self) -> None:
        """End the call alone."""
        self._stream.reset(ErrorCode.INTERNAL_ERROR)

    def go_away(self) -> None:
        """Take no further call on the connection; those under way are answered."""
        self._stream.connection.go_away()

    def freeze(self) -> None:
        """Read and write nothing more, and leave the connection open."""
        self._stream.connection.freeze()
