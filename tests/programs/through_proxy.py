"""Call a service at vision.example over gRPC through a proxy, with both clients.

Arguments: the `host:port` of the proxy, a file with the roots of the service's certificate, and an image.
"""

import asyncio
import os
import sys
from typing import Any

from vision_grpc import AsyncVisionClient, VisionClient
from vision_grpc.auth import ApiKey

proxy, roots, image = sys.argv[1:]
os.environ["HTTPS_PROXY"] = f"me:S3cret%20word@{proxy}"
# What gRPC itself reads is something else.
os.environ |= {"http_proxy": "http://127.0.0.1:1", "no_proxy": "example.com"}
options: dict[str, Any] = {"transport": "grpc", "credentials": ApiKey("key"), "root_certificates": roots}


async def call() -> None:
    async with AsyncVisionClient("vision.example", **options) as client:
        await client.analyze(image)


with VisionClient("vision.example", **options) as client:
    client.analyze(image)
asyncio.run(call())
