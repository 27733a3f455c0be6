"""Many streams on one client: each has its window, and together they have as many connections as they need."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from images_in_bytes import png
from scripted_service import answer

from vision_grpc import AsyncVisionClient, VisionClient
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.messages import BatchAnalyzeRequest
from vision_grpc.transport.grpc.channel_pool import STREAMS_PER_CHANNEL

_STREAMS, _IMAGES = 20, 8 * 12
_SLOW_S = 0.1


class _Busy:
    """A service that takes its time, and counts the calls under way on each connection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def serve(self, wire: bytes, call: grpc.ServicerContext) -> bytes:
        with self._lock:
            self._calls[call.peer()] += 1
            self.most[call.peer()] = max(self.most[call.peer()], self._calls[call.peer()])
        time.sleep(_SLOW_S)
        with self._lock:
            self._calls[call.peer()] -= 1
        return answer(BatchAnalyzeRequest.FromString(wire)).SerializeToString()


@contextmanager
def _serving(service: _Busy) -> Iterator[str]:
    _, name, method = VISION_V1.grpc_path.split("/")
    handler = grpc.method_handlers_generic_handler(name, {method: grpc.unary_unary_rpc_method_handler(service.serve)})
    # Of more streams, a connection of such a server breaks.
    options = [("grpc.max_concurrent_streams", 100)]
    server = grpc.server(ThreadPoolExecutor(_STREAMS * 8), handlers=[handler], options=options)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def _check(service: _Busy) -> None:
    assert len(service.most) > 1
    assert max(service.most.values()) <= STREAMS_PER_CHANNEL


def test_threads_share_a_client() -> None:
    service = _Busy()
    with _serving(service) as address, VisionClient(address, insecure=True, transport="grpc") as client:

        def stream() -> bool:
            return all(result.ok for result in client.analyze_many(map(png, range(_IMAGES))))

        with ThreadPoolExecutor(_STREAMS) as pool:
            assert all(list(pool.map(lambda _: stream(), range(_STREAMS))))
    _check(service)


async def test_tasks_share_a_client() -> None:
    service = _Busy()
    with _serving(service) as address:
        async with AsyncVisionClient(address, insecure=True, transport="grpc") as client:

            async def stream() -> bool:
                results = [result async for result in client.analyze_many([png(number) for number in range(_IMAGES)])]
                return all(result.ok for result in results)

            assert all(await asyncio.gather(*[stream() for _ in range(_STREAMS)]))
    _check(service)
