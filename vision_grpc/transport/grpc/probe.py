"""Whether gRPC itself gets through to a service; no call is made."""

from queue import Empty, SimpleQueue

import grpc

from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.transport.grpc.thread_channel import close_channels, open_channel

_ENDS = {grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN}


def gets_through(endpoint: Endpoint, tls: Tls, deadline: Deadline) -> bool:
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
