"""A single call of any unary method of the contract, over a connection of its own.

For services that are asked a few times a day: the connection is not worth keeping, least of all over a fork.
"""

from contextlib import closing, suppress
from typing import Literal, NamedTuple, TypeVar, cast

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message

from vision_grpc.codec.json import from_json, read_error_body, to_json, to_utf8
from vision_grpc.contract.method import grpc_path_of, http_rule_of
from vision_grpc.errors import DeadlineError, PathError, ProtocolError
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.http.message import HttpAnswer, HttpRequest
from vision_grpc.network.tls import Tls
from vision_grpc.transport.service_error import service_error

_MessageT = TypeVar("_MessageT", bound=Message)
_OK = 200
# A token has about 1 KB, the list of all the services of a cloud 10 KB.
_MAX_ANSWER_BYTES = 256 * 1024


class UnaryService(NamedTuple):
    """A service with unary methods, and how it is called."""

    endpoint: Endpoint
    tls: Tls
    transport: Literal["auto", "grpc", "rest"]


def call_once(
    service: UnaryService,
    method: MethodDescriptor,
    request: Message,
    response_class: type[_MessageT],
    deadline: Deadline,
    *,
    secret: str | None = None,
) -> _MessageT:
    """Return the answer to a request: over gRPC and, where that does not get through, over REST.

    `secret` is what the request holds and no error may repeat.

    Raises:
        TransportError: the service was not reached or did not answer in time.
        ServiceError: it refused or failed the call.
        ProtocolError: its answer cannot be read.
        ValueError: the secret would travel in plaintext.
    """
    if service.transport == "rest":
        return _call_rest(service, method, request, response_class, Attempt(service.endpoint, deadline, secret))
    if service.transport == "grpc":
        return _call_grpc(service, method, request, response_class, Attempt(service.endpoint, deadline, secret))
    try:
        # Half of the time: firewalls that drop packets look like a service that is slow.
        early = deadline.within(deadline.left_s / 2)
        return _call_grpc(service, method, request, response_class, Attempt(service.endpoint, early, secret))
    except (PathError, DeadlineError) as grpc_error:
        try:
            return _call_rest(service, method, request, response_class, Attempt(service.endpoint, deadline, secret))
        except (PathError, DeadlineError) as rest_error:
            problems = "; ".join(dict.fromkeys([grpc_error.problem, rest_error.problem]))
            message = f"neither gRPC nor REST gets through: {problems}"
            advice = dict.fromkeys([*grpc_error.advice, *rest_error.advice])
            lasting = isinstance(rest_error, PathError) and rest_error.lasting
            raise PathError(message, lasting=lasting, advice=advice) from rest_error


def fetch(attempt: Attempt, tls: Tls, request: HttpRequest, *, through_proxy: bool = True) -> HttpAnswer:
    """Return the answer to one HTTP request.

    Raises:
        TransportError: the server was not reached or did not answer in time.
        ProtocolError: its answer is not encoded as it says.
        RequestTooLargeError: its answer is too long.
    """
    from vision_grpc.network.http.calls import HttpCalls

    calls = HttpCalls(tls, connections_kept=0, through_proxy=through_proxy, max_body_bytes=_MAX_ANSWER_BYTES)
    with closing(calls):
        return calls.start(attempt, lambda: request, lambda answer: answer).result()


def _call_grpc(
    service: UnaryService, method: MethodDescriptor, request: Message, response_class: type[_MessageT], attempt: Attempt
) -> _MessageT:
    import grpc

    from vision_grpc.transport.grpc.exchange import Failure, metadata_of, translate
    from vision_grpc.transport.grpc.thread_channel import close_channels, open_channel
    from vision_grpc.transport.grpc.untrusted import explain_refusal

    channel = open_channel(service.endpoint, service.tls)
    try:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(grpc_path_of(method))
        try:
            wire = call(request.SerializeToString(), timeout=attempt.left_s(), metadata=metadata_of(None))
        except grpc.RpcError as error:
            failure = cast("Failure", error)
            explain_refusal(failure, attempt, service.tls)
            attempt.fail(translate(failure, attempt), error)
    finally:
        close_channels([channel])
    try:
        return response_class.FromString(wire)
    except DecodeError as error:
        raise ProtocolError(_no_answer(service.endpoint, method)) from error


def _call_rest(
    service: UnaryService, method: MethodDescriptor, request: Message, response_class: type[_MessageT], attempt: Attempt
) -> _MessageT:
    from vision_grpc.transport.rest.exchange import headers_of

    rule = http_rule_of(method)
    verb = "POST" if rule.post else "GET"
    content = to_json(request) if rule.post else None
    http_request = HttpRequest(verb, rule.post or rule.get, headers_of(None), content)
    answer = fetch(attempt, service.tls, http_request)
    content_type = answer.headers.get("content-type", "")
    if answer.status != _OK:
        status = read_error_body(answer.body, answer.status, content_type)
        raise service_error(status, attempt, "rest", request_id=answer.request_id)
    with suppress(ProtocolError):
        return from_json(to_utf8(answer.body, content_type), response_class)
    # Without the parser's error: its text quotes what it read, which may be a token.
    raise ProtocolError(_no_answer(service.endpoint, method))


def _no_answer(endpoint: Endpoint, method: MethodDescriptor) -> str:
    return f"{endpoint.target} answered {method.name}, but not with a {method.output_type.name}"
