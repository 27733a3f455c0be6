"""What gRPC calls need and bring: options, metadata, answers, errors. Shared by both shells."""

import sys
import threading
from collections.abc import Iterable, Sequence
from typing import Protocol

import grpc
from google.protobuf.message import DecodeError

from vision_grpc.codec.batch_wire import has_error, split_response
from vision_grpc.contract.method import Headers
from vision_grpc.errors import (
    Code,
    PathError,
    ProtocolError,
    TransportError,
    VisionError,
)
from vision_grpc.messages import Status
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls, early_end_hint, tls_hint
from vision_grpc.results import Answer
from vision_grpc.results.outcomes import WireOutcome
from vision_grpc.transport.refusal import service_error
from vision_grpc.transport.request_id import make_request_id
from vision_grpc.version import USER_AGENT

Metadata = tuple[tuple[str, str | bytes], ...]

Options = tuple[tuple[str, int | str], ...]

OPTIONS: Options = (
    # A full batch exceeds gRPC's 4 MiB; what may be sent is for the field options to say.
    ("grpc.max_send_message_length", -1),
    # Eight densely printed pages come as about 4 MB. The cap protects memory from a lying peer.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    # Retries have one owner, and it is not the channel: an image that succeeded is billed.
    ("grpc.enable_retries", 0),
    # Without this, channels to one address share one connection and its limit of streams.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.primary_user_agent", USER_AGENT),
    # How long a connection may take: gRPC's 20 s are too long to wait at a port that never speaks. Two packets may get
    # lost on the way.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    # When a lost connection is tried again: gRPC's 1 s, growing to 120 s, would outlast the outage.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)

LONGEST_S = 365 * 86_400.0
"""The longest time that gRPC is told: one beyond what its clock can hold would be over at once."""

# What gRPC says when no connection came about, or when what answered is no gRPC server.
_CLOSED_PATH = (
    "failed to connect to all addresses",
    "DNS resolution failed",
    "errors resolving",
    "Handshake",
    "ALPN",
    "http1.x server",
    "Received http2 header with status",
)
# What it says, beside that, of a connection that came about and ended before HTTP/2 began.
_EARLY_ENDS = ("Socket closed", "Connection reset by peer")
# What it says of a call whose channel was closed here.
_CLOSED_HERE = "Channel closed!"
# What gRPC on either side says of a message over its limit.
_TOO_LARGE = "message larger than max"
# To close takes milliseconds, or for ever.
_CLOSED_WITHIN_S = 2.0


class Failure(Protocol):
    """What every error of a gRPC call offers."""

    def code(self) -> grpc.StatusCode: ...  # noqa: D102
    def details(self) -> str | None: ...  # noqa: D102
    def initial_metadata(self) -> Iterable[tuple[str, str | bytes]] | None: ...  # noqa: D102
    def trailing_metadata(self) -> Iterable[tuple[str, str | bytes]] | None: ...  # noqa: D102


def options_of(endpoint: Endpoint, tls: Tls) -> Options:
    """Return the options of a channel to the endpoint that is protected so."""
    options = list(OPTIONS)
    if endpoint.is_loopback:
        # A proxy is another machine: what does not leave this one may be plaintext.
        options.append(("grpc.enable_http_proxy", 0))
    if tls.server_name is not None:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    return tuple(options)


def credentials_of(tls: Tls) -> grpc.ChannelCredentials:
    """Return what protects a channel."""
    chain, key = tls.client_certificate or (None, None)
    return grpc.ssl_channel_credentials(root_certificates=tls.roots, private_key=key, certificate_chain=chain)


def open_channel(endpoint: Endpoint, tls: Tls) -> grpc.Channel:
    """Return a channel for threads; it connects when it is first used."""
    if endpoint.plaintext:
        return grpc.insecure_channel(endpoint.target, options=options_of(endpoint, tls))
    return grpc.secure_channel(endpoint.target, credentials_of(tls), options=options_of(endpoint, tls))


def close_channels(channels: Sequence[grpc.Channel]) -> None:
    """Close channels for threads, in a thread that no signal interrupts; calls under way fail.

    gRPC waits in `close` until they have. An exception, KeyboardInterrupt above all, can leave a channel that waits for
    ever: one that came there, for the next attempt waits for the end of the first, and the channel's finalizer is one;
    or one that came as a call was started, for the channel's lock stays taken. Then the thread stays too, and by what
    it holds no finalizer is run.
    """
    if sys.is_finalizing():
        return  # No thread of gRPC runs any more that could end a call: the system closes the connections.
    closing = threading.Thread(target=_close_all, args=(channels,), name="vision-grpc-close", daemon=True)
    closing.start()
    closing.join(_CLOSED_WITHIN_S)


def _close_all(channels: Sequence[grpc.Channel]) -> None:
    for channel in channels:
        channel.close()


def metadata_of(authorization: str | None, headers: Headers = ()) -> Metadata:
    """Return what goes with one attempt; each has an id of its own."""
    metadata = (("x-client-request-id", make_request_id()), *headers)
    return metadata if authorization is None else (*metadata, ("authorization", authorization))


def read_answer(wire: bytes, metadata: Iterable[tuple[str, str | bytes]] | None, attempt: Attempt) -> Answer:
    """Return the answer, cut per image; errors in it are without the secret.

    Raises:
        ProtocolError: the bytes are no BatchAnalyzeResponse.
    """
    try:
        outcomes = [
            WireOutcome(attempt.hide_bytes(result), has_error=True)
            if has_error(result)
            else WireOutcome(result, has_error=False)
            for result in split_response(wire)
        ]
    except DecodeError as error:
        message = f"the answer's {len(wire)} bytes are no BatchAnalyzeResponse: {error}"
        raise ProtocolError(message) from error
    request_id = _text(dict(metadata or ()).get("x-request-id"))
    return Answer(outcomes, None if request_id is None else attempt.hide(request_id), "grpc")


def translate(failure: Failure, attempt: Attempt) -> VisionError:
    """Return our exception for what a gRPC call ended with."""
    endpoint = attempt.endpoint
    code = Code.from_number(failure.code().value[0])
    message = attempt.hide(failure.details() or "no message")
    # What comes from the service carries its metadata; what gRPC itself says of the way there has none.
    metadata = dict([*(failure.initial_metadata() or ()), *(failure.trailing_metadata() or ())])
    if code is Code.DEADLINE_EXCEEDED:  # The service knows the deadline too, and may be the first to say so.
        return attempt.late()
    if not metadata and any(sign in message for sign in _CLOSED_PATH):
        hint = tls_hint(message)
        advice = hint or _advice_on_early_end(message, endpoint)
        return PathError(f"{endpoint.target} was not reached: {message}{advice}", lasting=bool(hint))
    if code is Code.CANCELLED and (not metadata or _CLOSED_HERE in message):
        return TransportError(
            f"the call to {endpoint.target} was cancelled, the client may have been closed: {message}"
        )
    if not metadata and code is Code.UNAVAILABLE:
        return TransportError(f"the connection to {endpoint.target} broke: {message}")
    details = _read_status(metadata.get("grpc-status-details-bin")).details
    status = Status(code=code, message=message, details=details)
    too_large = code is Code.RESOURCE_EXHAUSTED and _TOO_LARGE in message
    request_id = _text(metadata.get("x-request-id"))
    return service_error(status, attempt, "grpc", request_id=request_id, too_large=too_large)


def _advice_on_early_end(message: str, endpoint: Endpoint) -> str:
    # Within the handshake, a firewall may have ended it.
    is_early = "andshake" not in message and any(sign in message for sign in _EARLY_ENDS)
    return early_end_hint(plaintext=endpoint.plaintext) if is_early else ""


def _text(value: str | bytes | None) -> str | None:
    return value if isinstance(value, str) else None


def _read_status(wire: str | bytes | None) -> Status:
    try:
        return Status.FromString(wire) if isinstance(wire, bytes) else Status()
    except DecodeError:
        return Status()
