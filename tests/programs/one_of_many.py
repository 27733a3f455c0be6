"""One of several clients with a shared quota: reads so many images, and prints what came of it.

Arguments: the endpoint, the quota's address, the share without it, the first number and the count of images. It says on
stdout that it has begun its stream, and begins when a line comes on stdin.
"""

import json
import logging
import sys

from images_in_bytes import png

from vision_grpc import Image, VisionClient
from vision_grpc.quota import SharedQuota


def main() -> None:
    """Read the images."""
    endpoint, quota, share, first, count = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    images = [Image(key=str(number), content=png(number)) for number in range(int(first), int(first) + int(count))]
    shared = SharedQuota(quota, share_requests_per_s=float(share))
    with VisionClient(endpoint, insecure=True, quota=shared) as client:
        print("ready", flush=True)  # noqa: T201
        sys.stdin.readline()
        for result in client.analyze_many(images, languages=["en"]):
            print(json.dumps([result.key, result.ok, result.text if result.ok else str(result.error)]), flush=True)  # noqa: T201


main()
