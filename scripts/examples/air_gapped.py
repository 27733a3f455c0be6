"""Reads images without any network: the local service, in this process, and results that are kept as Markdown.

python air_gapped.py texts.md scan1.png scan2.png
"""

import sys
from pathlib import Path

from vision_grpc import VisionClient
from vision_grpc.local import LocalVision


def main(texts: str, *images: str) -> None:
    """Write the texts of images into a file."""
    with LocalVision() as service, VisionClient(service.grpc_endpoint, insecure=True) as client:
        results = client.analyze_many(images, languages=["en", "ru"], ordered=True)
        parts = [f"# {result.key}\n\n{result.text if result.ok else result.error}\n" for result in results]
    Path(texts).write_text("\n".join(parts))


if __name__ == "__main__":
    main(*sys.argv[1:])
