"""Read one image over gRPC and over REST; print the two texts as JSON.

Arguments: the gRPC endpoint, the REST endpoint, the image, its language codes with commas.
"""

import json
import sys
from typing import Literal

from vision_grpc import VisionClient

grpc_endpoint, rest_endpoint, image, languages = sys.argv[1:]


def read(transport: Literal["grpc", "rest"], endpoint: str) -> str:
    with VisionClient(endpoint, transport=transport, insecure=True) as client:
        result = client.analyze(image, languages=languages.split(","))
    assert result.ok, result.error
    assert result.transport == transport
    return result.text


json.dump({"grpc": read("grpc", grpc_endpoint), "rest": read("rest", rest_endpoint)}, sys.stdout)
