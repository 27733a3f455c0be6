"""Use the details of gRPC that are not public; end with an AssertionError where a release has changed one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import grpc
import grpc.aio

from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.transport.grpc.forks import has_loop_thread
from vision_grpc.transport.grpc.thread_channel import ThreadChannels, close_channels

_SOON_S = 30


def tell_whether_a_channel_is_connected() -> None:
    kind = ThreadChannels()
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel, _ = kind.open(Endpoint.parse(f"127.0.0.1:{port}", insecure=True), Tls(), "/a/b")
    try:
        assert not kind.is_connected(channel)
        grpc.channel_ready_future(channel).result(_SOON_S)
        assert kind.is_connected(channel)
    finally:
        close_channels([channel])
        server.stop(None)


async def see_the_thread_that_serves_event_loops() -> None:
    async with grpc.aio.insecure_channel("127.0.0.1:1"):
        assert has_loop_thread()


tell_whether_a_channel_is_connected()
asyncio.run(see_the_thread_that_serves_event_loops())
