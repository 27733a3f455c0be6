"""Call a service that never answers, by a client of the kind in the first argument, at the endpoint in the second.

With a third argument the process ends while the call is under way; the parent says when, by a line.
"""

import asyncio
import sys
import threading

from vision_grpc import AsyncVisionClient, VisionClient
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, Feature

kind, endpoint, *leaves = sys.argv[1:]
request = BatchAnalyzeRequest(
    analyze_specs=[AnalyzeSpec(content=b"x", features=[Feature(type=Feature.TEXT_DETECTION)])]
)


def call() -> None:
    with VisionClient(endpoint, transport="rest", insecure=True) as client:
        client.batch_analyze(request, timeout=3600)


async def call_async() -> None:
    async with AsyncVisionClient(endpoint, transport="rest", insecure=True) as client:
        await client.batch_analyze(request, timeout=3600)


def main() -> None:
    if kind == "sync":
        call()
    else:
        asyncio.run(call_async())


if leaves:
    threading.Thread(target=main, daemon=True).start()
    sys.stdin.readline()
else:
    main()
