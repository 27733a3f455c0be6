"""Prints `known` when gRPC's thread for event loops is seen while a client is open, and `ended` when it has ended.

Argument: the endpoint.
"""

import asyncio
import gc
import sys
import threading

from images_in_bytes import png

from vision_grpc import AsyncVisionClient
from vision_grpc.transport.grpc.forks import has_loop_thread

_ENDS_WITHIN_S = 20.0


def _grpc_thread() -> threading.Thread | None:
    return next((thread for thread in threading.enumerate() if thread.name.endswith("(_poll_wrapper)")), None)


async def _call(endpoint: str) -> threading.Thread | None:
    async with AsyncVisionClient(endpoint, insecure=True, transport="grpc") as client:
        assert (await client.analyze(png(1))).ok
        assert has_loop_thread()
        return _grpc_thread()


def main() -> None:
    thread = asyncio.run(_call(sys.argv[1]))
    assert thread is not None
    sys.stdout.write("known\n")
    gc.collect()
    # The last channel tells the thread to end; it takes a moment.
    thread.join(_ENDS_WITHIN_S)
    assert not has_loop_thread()
    sys.stdout.write("ended\n")


if __name__ == "__main__":
    main()
