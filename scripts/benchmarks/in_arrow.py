"""Images as record batches."""

from typing import Any

from vision_grpc.arrow.untyped import pa

from .images import fake_jpegs

BLOCK = 640
"""Images of 50 KB in 32 MB, ten batches of 64."""

_DIFFERENT = 64


def table(size: int) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return a pyarrow Table of `BLOCK` images of `size` bytes, each with a key of its own."""
    images = fake_jpegs(_DIFFERENT, size) * (BLOCK // _DIFFERENT)
    return pa.table({"image": images, "key": [f"scans/{number:07}.jpg" for number in range(BLOCK)]})
