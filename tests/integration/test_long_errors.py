"""Answers over gRPC whose metadata is long: errors come as metadata, and gRPC's own limit is 8 to 16 KiB."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from either_client import EitherClient, Kind
from images_in_bytes import png
from scripted_service import answer

from vision_grpc import RetryPolicy
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.auth import ApiKey
from vision_grpc.errors import Code, RequestTooLargeError, ServiceError
from vision_grpc.messages import BadRequest, BatchAnalyzeRequest, BatchAnalyzeResponse, Status
from vision_grpc.transport.grpc import options as grpc_options
from vision_grpc.transport.grpc.options import METADATA_BYTES

_ATTEMPTS = 4
_QUICK = RetryPolicy(attempts=_ATTEMPTS, initial_backoff_s=0.001, max_backoff_s=0.002)
Reply = Callable[[grpc.ServicerContext], None]


@pytest.fixture(params=["sync", "asyncio"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]


class _Server:
    """Answers after it has sent what a test tells it."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.requests = 0
        self.address = ""

    def __call__(self, request: BatchAnalyzeRequest, context: grpc.ServicerContext) -> BatchAnalyzeResponse:
        self.requests += 1
        self._reply(context)
        return answer(request)


@contextmanager
def _serving(reply: Reply, **options: int) -> Iterator[_Server]:
    _, name, method = VISION_V1.grpc_path.split("/")
    server = _Server(reply)
    handler = grpc.unary_unary_rpc_method_handler(
        server, BatchAnalyzeRequest.FromString, BatchAnalyzeResponse.SerializeToString
    )
    handlers = [grpc.method_handlers_generic_handler(name, {method: handler})]
    named = [(f"grpc.{option}", value) for option, value in options.items()]
    running = grpc.server(ThreadPoolExecutor(4), handlers=handlers, options=named)
    server.address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    running.start()
    try:
        yield server
    finally:
        running.stop(None).wait()


def _client(kind: Kind, server: _Server, **options: Any) -> EitherClient:  # noqa: ANN401
    defaults = {"endpoint": server.address, "insecure": True, "transport": "grpc", "retry": _QUICK}
    return EitherClient(kind, lambda: defaults | options)


def _answer(_: grpc.ServicerContext) -> None:
    """Answer without any metadata."""


def _refuse(message: str, **metadata: str | bytes) -> Reply:
    """Refuse the image, with metadata at the end."""

    def reply(context: grpc.ServicerContext) -> None:
        context.set_trailing_metadata(tuple((name.replace("_", "-"), value) for name, value in metadata.items()))
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, message)

    return reply


def _details(number: int, size: int) -> bytes:
    """Return a status with details."""
    status = Status(code=Code.INVALID_ARGUMENT, message="bad")
    for _ in range(number):
        violation = BadRequest.FieldViolation(field="analyze_specs[0]", description="y" * size)
        status.details.add().Pack(BadRequest(field_violations=[violation]))
    return status.SerializeToString()


@pytest.mark.parametrize("size", [7_000, 9_000, 15_000, 17_000, 100_000, 2_000_000])
def test_a_long_message_keeps_its_code(kind: Kind, size: int) -> None:
    message = "bad " + "x" * size
    with (
        _serving(_refuse(message)) as server,
        _client(kind, server) as client,
        pytest.raises(ServiceError) as caught,
    ):
        client.analyze(png(1))
    assert (caught.value.code, caught.value.message, server.requests) == (Code.INVALID_ARGUMENT, message, 1)


@pytest.mark.parametrize(("number", "size"), [(1, 20_000), (100, 100), (100, 9_000), (1, 1_000_000)])
def test_long_details_are_read(kind: Kind, number: int, size: int) -> None:
    with (
        _serving(_refuse("bad", grpc_status_details_bin=_details(number, size))) as server,
        _client(kind, server) as client,
        pytest.raises(ServiceError) as caught,
    ):
        client.analyze(png(1))
    assert (caught.value.code, len(caught.value.details), server.requests) == (Code.INVALID_ARGUMENT, number, 1)


@pytest.mark.parametrize("form", ["initial", "trailing", "many"])
def test_an_answer_may_have_long_metadata(kind: Kind, form: str) -> None:
    def reply(context: grpc.ServicerContext) -> None:
        if form == "initial":
            context.send_initial_metadata((("x-long", "y" * 20_000),))
        elif form == "trailing":
            context.set_trailing_metadata((("x-long", "y" * 20_000),))
        else:
            context.set_trailing_metadata(tuple((f"x-{number}", "y" * 150) for number in range(200)))

    with _serving(reply) as server, _client(kind, server) as client:
        result = client.analyze(png(1))
    assert (result.text, result.attempts, server.requests) == ("1", 1, 1)


def test_what_is_above_the_clients_own_limit_is_not_taken_for_a_full_quota(kind: Kind) -> None:
    with (
        _serving(_refuse("x" * (METADATA_BYTES + 1))) as server,
        _client(kind, server) as client,
        pytest.raises(RequestTooLargeError, match=f"the answer has more than {METADATA_BYTES} bytes of metadata"),
    ):
        client.analyze(png(1))
    assert server.requests == 1


def test_a_message_that_is_too_large_says_whose_limit_it_is(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {**dict(grpc_options.OPTIONS), "grpc.max_receive_message_length": 5}
    with _serving(_answer, max_receive_message_length=50) as server:
        with _client(kind, server) as client, pytest.raises(RequestTooLargeError) as refused:
            client.analyze(png(1, size=100))
        monkeypatch.setattr(grpc_options, "OPTIONS", tuple(small.items()))
        with _client(kind, server) as client, pytest.raises(RequestTooLargeError) as unread:
            client.analyze(png(1))
    assert server.requests == 1
    assert "this client" not in str(refused.value)
    assert "the answer is larger than this client takes" in str(unread.value)


def test_a_request_with_more_metadata_than_the_service_takes_is_sent_once(kind: Kind) -> None:
    """To wait, as for a quota, or to send fewer images would not help."""
    with (
        _serving(_answer, absolute_max_metadata_size=4_000, max_metadata_size=4_000) as server,
        _client(kind, server, credentials=ApiKey("k" * 5_000)) as client,
    ):
        results = client.collect(map(png, range(8)))
    errors = [result.error for result in results if result.error is not None]
    assert [(error.code, error.retryable) for error in errors] == [(Code.FAILED_PRECONDITION, False)] * 8
    assert "the request has more metadata than the service takes" in errors[0].message
    assert {result.attempts for result in results} == {1}
    assert server.requests == 0
