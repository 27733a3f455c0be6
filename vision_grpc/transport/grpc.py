"""The service over gRPC."""

import uuid
from collections.abc import Iterable
from typing import cast

import grpc
from google.protobuf.message import DecodeError

from vision_grpc.auth import Credentials
from vision_grpc.errors import Code, DeadlineError, ProtocolError, ServiceError, TransportError, VisionError
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse, Status
from vision_grpc.results import TransportName
from vision_grpc.transport import Answer
from vision_grpc.transport.endpoint import Endpoint
from vision_grpc.transport.method import METHOD_PATH, check_result_count
from vision_grpc.version import USER_AGENT

_OPTIONS = (
    # A full batch exceeds gRPC's 4 MiB; what may be sent is for the field options to say.
    ("grpc.max_send_message_length", -1),
    # Eight densely printed pages come as about 4 MB. The cap protects memory from a lying peer.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    # Retries have one owner, and it is not the channel: an image that succeeded is billed.
    ("grpc.enable_retries", 0),
    ("grpc.primary_user_agent", USER_AGENT),
)


class GrpcTransport:
    """A channel to the service."""

    name: TransportName = "grpc"

    def __init__(self, endpoint: Endpoint, credentials: Credentials, roots: bytes | None) -> None:
        if endpoint.plaintext:
            self._channel = grpc.insecure_channel(endpoint.target, options=_OPTIONS)
        else:
            tls = grpc.ssl_channel_credentials(root_certificates=roots)
            self._channel = grpc.secure_channel(endpoint.target, tls, options=_OPTIONS)
        self._endpoint = endpoint
        self._credentials = credentials
        # The answer stays bytes here: were it parsed by gRPC, garbage would look like a broken connection.
        self._call: grpc.UnaryUnaryMultiCallable[BatchAnalyzeRequest, bytes] = self._channel.unary_unary(
            METHOD_PATH, request_serializer=BatchAnalyzeRequest.SerializeToString, response_deserializer=None
        )

    def call(self, request: BatchAnalyzeRequest, *, timeout_s: float) -> Answer:
        """Return the service's answer; see `Transport`."""
        try:
            wire, call = self._call.with_call(request, timeout=timeout_s, metadata=self._metadata())
        except grpc.RpcError as error:
            raise _translate(error, self._endpoint, timeout_s) from error
        try:
            response = BatchAnalyzeResponse.FromString(wire)
        except DecodeError as error:
            message = f"the answer's {len(wire)} bytes are no BatchAnalyzeResponse"
            raise ProtocolError(message) from error
        check_result_count(request, response)
        return Answer(response, _request_id(_collect(call.initial_metadata())))

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def _metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        request_id = ("x-client-request-id", str(uuid.uuid4()))
        authorization = self._credentials.authorization()
        return (request_id,) if authorization is None else (request_id, ("authorization", authorization))


def _translate(error: grpc.RpcError, endpoint: Endpoint, timeout_s: float) -> VisionError:
    """Return our exception for what gRPC raised."""
    call = cast("grpc.Call", error)  # The types do not say so, but what a call raises is the call.
    code = Code.from_number(call.code().value[0])
    message = call.details() or "no message"
    metadata = _collect([*(call.initial_metadata() or ()), *(call.trailing_metadata() or ())])
    if code is Code.DEADLINE_EXCEEDED and not metadata:
        return DeadlineError(f"no answer from {endpoint.target} within {timeout_s:g} s")
    # What comes from the service carries its metadata; what gRPC itself says of the way there has none.
    if code is Code.UNAVAILABLE and not metadata:
        return TransportError(f"{endpoint.target} was not reached: {message}{_hint(message, endpoint)}")
    details = _read_status(metadata.get("grpc-status-details-bin")).details
    return ServiceError(code, message, details=tuple(details), request_id=_request_id(metadata))


def _hint(message: str, endpoint: Endpoint) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in message:
        return " (its certificate is not trusted: pass root_certificates)"
    if "WRONG_VERSION_NUMBER" in message and not endpoint.plaintext:
        return " (the port speaks no TLS: pass insecure=True if that is meant)"
    return ""


def _collect(metadata: Iterable[tuple[str, str | bytes]] | None) -> dict[str, str | bytes]:
    return dict(metadata or ())


def _request_id(metadata: dict[str, str | bytes]) -> str | None:
    value = metadata.get("x-request-id")
    return value if isinstance(value, str) else None


def _read_status(wire: str | bytes | None) -> Status:
    try:
        return Status.FromString(wire) if isinstance(wire, bytes) else Status()
    except DecodeError:
        return Status()
