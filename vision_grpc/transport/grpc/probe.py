"""Whether gRPC itself gets through to a service; no credentials are sent."""

from queue import Empty, SimpleQueue
from typing import cast

import grpc

from vision_grpc.errors import TransportError
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.transport.grpc.exchange import Failure, translate
from vision_grpc.transport.grpc.thread_channel import close_channels, open_channel

_HEALTH_CHECK = "/grpc.health.v1.Health/Check"
_ENDS = {grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN}


def gets_connected(endpoint: Endpoint, tls: Tls, deadline: Deadline) -> bool:
    """Return whether a channel connects at its first attempt, in time."""
    states: SimpleQueue[grpc.ChannelConnectivity | None] = SimpleQueue()
    channel = open_channel(endpoint, tls)
    try:
        channel.subscribe(states.put, try_to_connect=True)
        while (state := states.get(timeout=deadline.left_s)) not in _ENDS:
            if state is grpc.ChannelConnectivity.READY:
                return True
    except Empty:
        pass
    finally:
        close_channels([channel])
    return False


def gets_answered(endpoint: Endpoint, tls: Tls, deadline: Deadline) -> bool:
    """Return whether a service answers, whatever it says of its health: some names gRPC compares at each call."""
    channel = open_channel(endpoint, tls)
    try:
        ask: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_HEALTH_CHECK)
        ask(b"", timeout=deadline.left_s)
    except grpc.RpcError as error:
        return not isinstance(translate(cast("Failure", error), Attempt(endpoint, deadline)), TransportError)
    finally:
        close_channels([channel])
    return True
