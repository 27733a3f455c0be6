"""Parquet with a row for each image, and its words nested in it."""

from collections.abc import Iterator

from vision_grpc.arrow import Detail
from vision_grpc.arrow.parquet import parquet_chunks
from vision_grpc.results.each import Results, each


def parquet(results: Results, *, detail: Detail = "words") -> Iterator[bytes]:
    """Yield a Parquet file with the columns of `vision_grpc.arrow.schema`, compressed by zstd.

    Images that failed have a row with their error. `detail` is "text", "words" or "wire".
    """
    yield from parquet_chunks(each(results), detail)
