"""Reads an image with so few file descriptors left, and prints what came of it.

Arguments: the endpoint, the transport, the client ("sync" or "asyncio"), and the number of descriptors.
"""

import asyncio
import os
import resource
import sys
from contextlib import suppress

from images_in_bytes import png

from vision_grpc import AsyncVisionClient, RetryPolicy, VisionClient
from vision_grpc.errors import MachineError


def main() -> None:
    """Read it."""
    endpoint, transport, client, left = sys.argv[1:]
    # An event loop needs descriptors of its own.
    runner = asyncio.Runner()
    runner.get_loop()
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
    held: list[int] = []
    with suppress(OSError):
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    for descriptor in held[: int(left)]:
        os.close(descriptor)
    options = {"insecure": True, "transport": transport, "retry": RetryPolicy(attempts=1)}
    try:
        if client == "sync":
            print(VisionClient(endpoint, **options).analyze(png(7)).text)  # type: ignore[arg-type]  # noqa: T201
        else:
            print(runner.run(AsyncVisionClient(endpoint, **options).analyze(png(7))).text)  # type: ignore[arg-type]  # noqa: T201
    except MachineError as error:
        print(error)  # noqa: T201
    sys.stdout.flush()
    os._exit(0)


main()
