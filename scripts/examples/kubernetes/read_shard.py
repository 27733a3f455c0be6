"""Reads the images of a shard: a Parquet file with the columns `key` and `image`, which has images or their URLs.

read_shard.py s3://scans/shards/17.parquet s3://scans/results/17.parquet
"""

# pyright: basic, reportMissingTypeStubs=false
# pyarrow has no types.
import os
import signal
import sys
from collections.abc import Iterator
from threading import Event
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSystem

from vision_grpc.arrow import analyze_batches
from vision_grpc.quota import SharedQuota

_ROWS = 64
_STOPPED = 128 + signal.SIGTERM


def main(source: str, target: str) -> int:
    """Put the results of a shard into one object, which is there once all of them are."""
    is_ending = Event()
    # A pod is asked to end: what is under way is awaited and recorded, and no more is sent.
    signal.signal(signal.SIGTERM, lambda *_: is_ending.set())
    store, path = FileSystem.from_uri(source)
    with store.open_input_file(path) as file:
        results = [
            *analyze_batches(
                _batches(pq.ParquetFile(file), is_ending),
                languages=["*"],
                quota=SharedQuota(os.environ["QUOTA"]),
                cache=os.environ["TAPE"],
            )
        ]
    if is_ending.is_set():
        return _STOPPED
    store, path = FileSystem.from_uri(target)
    pq.write_table(pa.Table.from_batches(results), path, filesystem=store)
    return 0


def _batches(shard: pq.ParquetFile, is_ending: Event) -> Iterator[Any]:
    for batch in shard.iter_batches(_ROWS):
        if is_ending.is_set():
            return
        yield batch


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
