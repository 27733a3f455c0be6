"""gRPC to a service that is not asked for anything."""

import pytest
from images_in_bytes import png

from vision_grpc.core.requests import ask_for_text
from vision_grpc.errors import TransportError
from vision_grpc.messages import BatchAnalyzeRequest
from vision_grpc.transport.endpoint import Endpoint
from vision_grpc.transport.grpc import GrpcTransport
from vision_grpc.transport.tls import Tls


def test_a_call_that_another_threads_close_forestalls_says_so() -> None:
    transport = GrpcTransport(Endpoint.parse("localhost:1", insecure=True), Tls(), calls=8)
    transport.close()
    with pytest.raises(TransportError, match="the client was closed"):
        transport.start([png(1)], ask_for_text(["en"], "", None), None, timeout_s=1, on_done=lambda: None)
    with pytest.raises(TransportError, match="the client was closed"):
        transport.call(BatchAnalyzeRequest(), None, timeout_s=1)
