"""Opens and closes a channel of gRPC, lets gRPC end, and forks: prints whether gRPC is `held` or `gone` at the fork.

Arguments: what opens the channel, `client`, `loop` or `other` (a call that is not for images), and `full` if the
process has too few file descriptors left for gRPC at the fork.
"""

import asyncio
import os
import resource
import sys
import time
from pathlib import Path

_OPENED, _LEFT = 64, 2
_ENDS_WITHIN_S = 20.0
_GLANCE_S = 0.005


def _has_threads() -> bool:
    # Those of gRPC: Python does not know them.
    return len([*Path("/proc/self/task").iterdir()]) > 1


# Hooks run in the reverse order of their registration: this one after those of the package.
_seen: list[bool] = []
os.register_at_fork(before=lambda: _seen.append(_has_threads()))

from vision_grpc import AsyncVisionClient, VisionClient  # noqa: E402
from vision_grpc.network.deadline import Deadline  # noqa: E402
from vision_grpc.network.endpoint import Endpoint  # noqa: E402
from vision_grpc.network.tls import Tls  # noqa: E402
from vision_grpc.transport.grpc.probe import gets_connected  # noqa: E402

_NOWHERE = "127.0.0.1:1"


async def _use_loop() -> None:
    async with AsyncVisionClient(_NOWHERE, insecure=True, transport="grpc") as client:
        client._connection()


def _use(opener: str) -> None:
    if opener == "loop":
        asyncio.run(_use_loop())
    elif opener == "client":
        with VisionClient(_NOWHERE, insecure=True, transport="grpc") as client:
            client._connection()
    else:
        gets_connected(Endpoint.parse(_NOWHERE, insecure=True), Tls(), Deadline.after(_ENDS_WITHIN_S))


def _wait_for_the_end() -> None:
    until = time.monotonic() + _ENDS_WITHIN_S
    while _has_threads():
        assert time.monotonic() < until, "gRPC did not end"
        time.sleep(_GLANCE_S)


def main() -> None:
    opener, *rest = sys.argv[1:]
    _use(opener)
    _wait_for_the_end()
    if rest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_OPENED, _OPENED))
        opened: list[int] = []
        try:
            while True:
                opened.append(os.dup(0))
        except OSError:
            for descriptor in opened[:_LEFT]:
                os.close(descriptor)
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    os.write(1, b"held\n" if _seen[-1] else b"gone\n")
    _wait_for_the_end()


if __name__ == "__main__":
    main()
