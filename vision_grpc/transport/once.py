"""A single call of any unary method of the contract, over a connection of its own.

For services that are asked a few times a day: the connection is not worth keeping, least of all over a fork.
"""

import time
from contextlib import closing
from typing import Literal, NamedTuple, TypeVar, cast

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message

from vision_grpc.core.http_rule import http_rule_of
from vision_grpc.core.retry import asked_wait_s
from vision_grpc.errors import Code, DeadlineError, PathError, ProtocolError, ServiceError
from vision_grpc.json import from_json, read_error_body, to_json
from vision_grpc.transport.endpoint import Endpoint
from vision_grpc.transport.http_message import HttpAnswer, HttpRequest
from vision_grpc.transport.tls import Tls

_MessageT = TypeVar("_MessageT", bound=Message)
_OK = 200


class Peer(NamedTuple):
    """A service and the way to it."""

    endpoint: Endpoint
    roots: bytes | None
    transport: Literal["auto", "grpc", "rest"]


def call_once(
    peer: Peer, method: MethodDescriptor, request: Message, response_class: type[_MessageT], *, timeout_s: float
) -> _MessageT:
    """Return the answer to a request: over gRPC and, where that does not get through, over REST.

    Raises:
        TransportError: the service was not reached or did not answer in time.
        ServiceError: it refused or failed the call.
        ProtocolError: its answer is none.
    """
    if peer.transport == "rest":
        return _call_rest(peer, method, request, response_class, timeout_s)
    if peer.transport == "grpc":
        return _call_grpc(peer, method, request, response_class, timeout_s)
    deadline = time.monotonic() + timeout_s
    try:
        # Half of the time: firewalls that drop packets look like a service that is slow.
        return _call_grpc(peer, method, request, response_class, timeout_s / 2)
    except (PathError, DeadlineError) as grpc_error:
        try:
            return _call_rest(peer, method, request, response_class, deadline - time.monotonic())
        except (PathError, DeadlineError) as rest_error:
            message = f"neither gRPC nor REST gets through: {grpc_error}; {rest_error}"
            lasting = isinstance(rest_error, PathError) and rest_error.lasting
            raise PathError(message, lasting=lasting) from rest_error


def fetch(
    endpoint: Endpoint, roots: bytes | None, request: HttpRequest, *, timeout_s: float, through_proxy: bool
) -> HttpAnswer:
    """Return the answer to one HTTP request.

    Raises:
        TransportError: the server was not reached or did not answer in time.
        ProtocolError: its answer is not encoded as it says, or too long.
    """
    from vision_grpc.transport.rest_calls import RestCalls

    with closing(RestCalls(endpoint, Tls(roots), connections_kept=0, through_proxy=through_proxy)) as calls:
        return calls.start(lambda: request, lambda answer: answer, timeout_s=timeout_s).result()


def _call_grpc(
    peer: Peer, method: MethodDescriptor, request: Message, response_class: type[_MessageT], timeout_s: float
) -> _MessageT:
    import grpc

    from vision_grpc.transport.grpc_peer import Failure, credentials_of, metadata_of, options_of, translate

    endpoint = peer.endpoint
    if endpoint.plaintext:
        channel = grpc.insecure_channel(endpoint.target, options=options_of(endpoint, Tls(peer.roots)))
    else:
        channel = grpc.secure_channel(
            endpoint.target, credentials_of(Tls(peer.roots)), options=options_of(endpoint, Tls(peer.roots))
        )
    with channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            f"/{method.containing_service.full_name}/{method.name}"
        )
        try:
            wire = call(request.SerializeToString(), timeout=timeout_s, metadata=metadata_of(None))
        except grpc.RpcError as error:
            raise translate(cast("Failure", error), endpoint, timeout_s) from error
    try:
        return response_class.FromString(wire)
    except DecodeError as error:
        raise ProtocolError(_no_answer(endpoint, method)) from error


def _call_rest(
    peer: Peer, method: MethodDescriptor, request: Message, response_class: type[_MessageT], timeout_s: float
) -> _MessageT:
    from vision_grpc.transport.rest_peer import headers_of

    rule = http_rule_of(method)
    verb = "POST" if rule.post else "GET"
    http_request = HttpRequest(verb, rule.post or rule.get, headers_of(None), to_json(request) if rule.post else None)
    answer = fetch(
        peer.endpoint, peer.roots, http_request, timeout_s=timeout_s, through_proxy=not peer.endpoint.is_loopback
    )
    if answer.status != _OK:
        status = read_error_body(answer.body, answer.status)
        raise ServiceError(
            Code.from_number(status.code),
            status.message,
            details=tuple(status.details),
            request_id=answer.headers.get("x-request-id"),
            retry_after_s=asked_wait_s(status.details),
        )
    try:
        return from_json(answer.body, response_class)
    except ProtocolError:
        # Not even as a cause: the text of the parser quotes what it read, which may be a token.
        raise ProtocolError(_no_answer(peer.endpoint, method)) from None


def _no_answer(endpoint: Endpoint, method: MethodDescriptor) -> str:
    return f"{endpoint.target} answered {method.name} with what is no {method.output_type.name}"
