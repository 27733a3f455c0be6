"""Reads the images of a folder by actors of Ray, and writes their texts as Parquet.

python ray_images.py s3://bucket/scans s3://bucket/texts
"""

# pyright: basic, reportMissingImports=false
# Ray is in an environment of its own.
import sys

import ray

from vision_grpc.ray import analyze


def main(source: str, target: str) -> None:
    """Read them: a row for each file, with its path, its text or its error."""
    images = ray.data.read_binary_files(source, include_paths=True)
    analyze(images, image="bytes", key="path", languages=["*"]).write_parquet(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
