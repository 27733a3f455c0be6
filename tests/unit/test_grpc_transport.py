"""gRPC to a service that is not asked for anything."""

import signal
import subprocess
import sys
import threading

import grpc
import pytest
from images_in_bytes import png

from vision_grpc.core.requests import ask_for_text
from vision_grpc.errors import TransportError
from vision_grpc.messages import BatchAnalyzeRequest
from vision_grpc.transport.attempt import Attempt
from vision_grpc.transport.endpoint import Endpoint
from vision_grpc.transport.grpc import GrpcTransport
from vision_grpc.transport.grpc_peer import translate
from vision_grpc.transport.tls import Tls

_SOON_S = 20.0


def test_a_call_that_another_threads_close_forestalls_says_so() -> None:
    transport = GrpcTransport(Endpoint.parse("localhost:1", insecure=True), Tls())
    transport.close()
    with pytest.raises(TransportError, match="the client was closed"):
        transport.start([png(1)], ask_for_text(["en"], "", None), None, timeout_s=1, on_done=lambda: None)
    with pytest.raises(TransportError, match="the client was closed"):
        transport.call(BatchAnalyzeRequest(), None, timeout_s=1)


class _Closed:
    """What a call fails with whose channel was closed, after the service had begun to answer."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.CANCELLED

    def details(self) -> str:
        return "Stream removed (Channel closed!)"

    def initial_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return (("x-request-id", "1"),)

    def trailing_metadata(self) -> None:
        return None


def test_what_closing_cancels_was_not_cancelled_by_the_service() -> None:
    error = translate(_Closed(), Attempt(Endpoint.parse("localhost:1", insecure=True), 1))
    assert type(error) is TransportError
    assert "the client may have been closed" in str(error)


def test_an_interrupt_does_not_break_off_the_end_of_a_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """gRPC would wait for ever at the next attempt, and makes one when the channel is collected."""
    main, interrupted, closed = threading.get_ident(), threading.Event(), threading.Event()

    def close(_: object) -> None:
        signal.pthread_kill(main, signal.SIGINT)
        assert interrupted.wait(_SOON_S)
        closed.set()

    transport = GrpcTransport(Endpoint.parse("localhost:1", insecure=True), Tls())
    with monkeypatch.context() as patch:
        patch.setattr(type(transport._channels.close()[0]), "close", close)
        with pytest.raises(KeyboardInterrupt):
            transport.close()
        interrupted.set()
        assert closed.wait(_SOON_S)
    transport.close()


def test_a_client_that_is_closed_by_the_end_of_the_interpreter_lets_it_end() -> None:
    """No thread runs any more then, and none is started."""
    program = """
import sys
from vision_grpc import VisionClient
class Owner:
    def __init__(self):
        self.client = VisionClient("127.0.0.1:1", insecure=True, transport="grpc")
    def __del__(self):
        self.client.close()
        sys.stdout.write("closed")
owner = Owner()
owner.itself = owner
"""
    finished = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{program}"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, b"closed", b"")
