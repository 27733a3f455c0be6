"""A connection whose client sends what is no HTTP: refused like any other call."""

from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.faces.rest_reply import failure
from vision_grpc.local.failure import CallIds

# For a client that sends on after its refusal: closing at once would reset the connection and lose the answer.
_LINGER_S = 1.0
_MESSAGE = "this is no sound HTTP/1.1 request: its first line, a header or a chunk is malformed or too long"


class HttpConnection(H11Protocol):
    """uvicorn's connection, with its refusal as the JSON of a google.rpc.Status."""

    _is_refused = False

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - it says the same of everything
        """Answer with the refusal, unless the client has one already, and take nothing more."""
        self._is_refused = True
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            response = failure(ServiceError(Code.INVALID_ARGUMENT, _MESSAGE), CallIds.make())
            headers = [*response.raw_headers, (b"connection", b"close")]
            head = h11.Response(status_code=response.status_code, headers=headers, reason=b"Bad Request")
            for event in (head, h11.Data(data=bytes(response.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        # None before the first request, whatever its annotation says.
        call = cast("RequestResponseCycle | None", self.cycle)
        if call is not None:
            # What it would answer comes too late.
            call.disconnected = True
            call.message_event.set()
        self.loop.call_later(_LINGER_S, self.transport.close)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends."""
        if not self._is_refused:
            super().data_received(data)
