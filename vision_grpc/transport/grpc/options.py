"""How a gRPC channel to an endpoint is set up, for threads and for event loops alike."""

import grpc

from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.version import USER_AGENT

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
