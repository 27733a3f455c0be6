"""Parquet files of results."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from io import RawIOBase
from typing import TYPE_CHECKING, Any

from vision_grpc.arrow.batch import BatchBuilder
from vision_grpc.arrow.schema import Detail, schema
from vision_grpc.results import ImageResult

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_parquet: Any = import_module("pyarrow.parquet")

_GROUP_ROWS = 20_000
# A group takes six times this while it is made; of each that is written, Arrow keeps 30 KB to the end. Measured
# on pages of 300 words, the interpreter included: with groups of 2 MB 111 MB at 1,500 pages, but 425 MB at 200,000.
_GROUP_BYTES = 6_000_000
# Readers pass over row groups by them; of texts and nested columns no reader does.
_WITH_STATISTICS = ["key", "ok", "error_code", "retryable", "attempts", "transport", "request_id"]


def parquet_chunks(results: Iterable[ImageResult], detail: Detail) -> Iterator[bytes]:
    """Yield a Parquet file of results in chunks.

    A row group has 20,000 rows or 6 MB, whichever is less. In memory are one of them and what the file's end says of
    all before.

    Raises:
        ValueError: there is no such detail.
    """
    columns = schema(detail=detail)
    sink = _Sink()
    with _parquet.ParquetWriter(sink, columns, compression="zstd", write_statistics=_WITH_STATISTICS) as writer:
        builder = BatchBuilder(detail)
        for result in results:
            builder.add(result)
            if builder.rows >= _GROUP_ROWS or builder.bytes >= _GROUP_BYTES:
                batch, builder = builder.finish(), BatchBuilder(detail)
                writer.write_batch(batch)
                del batch
                yield from sink.take()
        if builder.rows:
            writer.write_batch(builder.finish())
    yield from sink.take()


class _Sink(RawIOBase):
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer", /) -> int:
        chunk = bytes(data)
        self._chunks.append(chunk)
        self._position += len(chunk)
        return len(chunk)

    def tell(self) -> int:
        return self._position

    def take(self) -> Iterator[bytes]:
        """Return what was written since the last call."""
        chunks, self._chunks = self._chunks, []
        return iter(chunks)
