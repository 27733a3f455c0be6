"""How a gRPC channel to an endpoint is set up, for threads and for event loops alike."""

from typing import NamedTuple

import grpc

from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.proxy import proxy_of
from vision_grpc.network.tls import Tls
from vision_grpc.transport.grpc.liveness import DIAL_S
from vision_grpc.version import USER_AGENT

Options = tuple[tuple[str, int | str], ...]

METADATA_BYTES = 8 * 1024 * 1024
"""The most metadata of an answer. Errors come as metadata, so this is 1 MiB for each image of a full batch."""

OPTIONS: Options = (
    # A full batch exceeds gRPC's 4 MiB; what may be sent is for the field options to say.
    ("grpc.max_send_message_length", -1),
    # Eight densely printed pages come as about 4 MB. The cap protects memory from a lying peer.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    # gRPC's 8 to 16 KiB would make RESOURCE_EXHAUSTED of each error with a longer message or longer details. What is
    # above the first limit is refused at random, what is above the second always.
    ("grpc.max_metadata_size", METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", METADATA_BYTES),
    # Retries have one owner, and it is not the channel: an image that succeeded is billed.
    ("grpc.enable_retries", 0),
    # Without this, channels to one address share one connection and its limit of streams.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.primary_user_agent", USER_AGENT),
    # How long a connection may take: gRPC's 20 s are too long to wait at a port that never speaks. Two packets may get
    # lost on the way.
    ("grpc.min_reconnect_backoff_ms", round(DIAL_S * 1_000)),
    # When a lost connection is tried again: gRPC's 1 s, growing to 120 s, would outlast the outage. Until then calls
    # fail without being sent, so the longest wait adds to each outage.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # An idle connection is not trusted: gateways and balancers forget one after 60 s (some proxies) to 350 s, mostly
    # without a word. To connect again costs a few round trips.
    ("grpc.client_idle_timeout_ms", 45_000),
    # Bytes that the peer's kernel does not acknowledge for 20 s end the connection: with keepalive, gRPC sets
    # TCP_USER_TIMEOUT. A slow service acknowledges them. The pings themselves are as rare as servers allow by default,
    # at least 5 minutes apart. Measured against a server of gRPC's: of pings each second for calls without an answer,
    # the fourth or fifth ended the connection with "Too many pings", and all 6 calls on it.
    ("grpc.keepalive_time_ms", 310_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # gRPC's own reading of the environment is off: it has another rule. By the second of these no address goes through
    # the GRPC_ADDRESS_HTTP_PROXY of newer releases.
    ("grpc.enable_http_proxy", 0),
    ("grpc.address_http_proxy_enabled_addresses", ""),
)


class Route(NamedTuple):
    """What a channel connects to, and how it is set up."""

    target: str
    options: Options


def route_of(endpoint: Endpoint, tls: Tls) -> Route:
    """Return the route of a channel to the endpoint that is protected so, through the proxy that the environment names.

    Raises:
        PathError: that proxy cannot be used.
    """
    name, proxy = tls.server_name, proxy_of(endpoint)
    options = list(OPTIONS)
    if name is not None:
        options.append(("grpc.ssl_target_name_override", name))
    if proxy is None:
        return Route(endpoint.target, tuple(options))
    # So gRPC itself does it once it has found a proxy. These options are older than the one that takes a proxy's URL,
    # which obeys `no_proxy` besides.
    options += [("grpc.http_connect_server", endpoint.target), ("grpc.default_authority", name or endpoint.target)]
    if proxy.authorization is not None:
        options.append(("grpc.http_connect_headers", f"Proxy-Authorization:{proxy.authorization}"))
    return Route(proxy.target, tuple(options))


def credentials_of(tls: Tls) -> grpc.ChannelCredentials:
    """Return what protects a channel."""
    chain, key = tls.client_certificate or (None, None)
    return grpc.ssl_channel_credentials(root_certificates=tls.roots, private_key=key, certificate_chain=chain)
