"""A client behind a company's proxy, which shows certificates of the company's own.

https_proxy=http://proxy.example:3128 python proxy_and_roots.py company-roots.pem scan.png
"""

import sys

from vision_grpc import VisionClient


def main(roots: str, image: str) -> None:
    """Print the text of an image; the proxy is that of the environment."""
    # These roots stand in place of the system's. Where the proxy does not let gRPC through, REST is taken.
    with VisionClient(root_certificates=roots) as client:
        result = client.analyze(image, languages=["*"]).raise_for_error()
        print(result.text)
        print(f"by {result.transport}", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
