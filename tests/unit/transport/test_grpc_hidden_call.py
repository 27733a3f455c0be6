"""Streams whose call an interceptor hides, as OpenTelemetry's instrumentation of gRPC does."""

from collections.abc import Iterator
from threading import Event
from typing import Any

import grpc
import pytest

from vision_grpc.transport.grpc.hidden_call import HiddenCall, with_methods
from vision_grpc.transport.grpc.streams import ThreadStream


class Refused(grpc.RpcError):
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.RESOURCE_EXHAUSTED

    def details(self) -> str:
        return "quota"

    def initial_metadata(self) -> Any:  # noqa: ANN401
        return (("x-request-id", "7"),)

    def trailing_metadata(self) -> Any:  # noqa: ANN401
        return (("grpc-status-details-bin", "d"),)


def read(messages: Iterator[bytes]) -> ThreadStream:
    stream, done = ThreadStream(with_methods(messages)), Event()
    stream.add_done_callback(lambda _: done.set())
    assert done.wait(30)
    return stream


def test_a_call_that_is_not_hidden_is_left_alone() -> None:
    hidden = HiddenCall(iter(()))
    assert with_methods(hidden) is hidden


def test_messages_are_read() -> None:
    stream = read(message for message in (b"a", b"b"))
    assert stream.messages == [b"a", b"b"]
    assert stream.code() is grpc.StatusCode.OK
    assert stream.details() is None
    assert (*stream.initial_metadata(), *stream.trailing_metadata()) == ()
    stream.result()


def test_the_error_has_code_details_and_metadata() -> None:
    def messages() -> Iterator[bytes]:
        yield b"a"
        raise Refused

    stream = read(messages())
    assert stream.messages == [b"a"]
    assert (stream.code(), stream.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "quota")
    assert stream.initial_metadata() == (("x-request-id", "7"),)
    assert stream.trailing_metadata() == (("grpc-status-details-bin", "d"),)
    with pytest.raises(Refused):
        stream.result()


def test_no_message_is_taken_after_it_was_cancelled() -> None:
    first, later = Event(), Event()

    def messages() -> Iterator[bytes]:
        first.set()
        assert later.wait(30)
        yield b"late"
        pytest.fail("it was read on")

    stream, done = ThreadStream(with_methods(messages())), Event()
    stream.add_done_callback(lambda _: done.set())
    assert first.wait(30)
    stream.cancel()
    later.set()
    assert done.wait(30)
    assert stream.messages == []
    assert stream.code() is grpc.StatusCode.CANCELLED
    with pytest.raises(grpc.FutureCancelledError):
        stream.result()
