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
# With more, an export would take more than 150 MB, the interpreter included.
_GROUP_BYTES = 2_000_000
# Readers pass over row groups by them; of texts and nested columns no reader does.
_WITH_STATISTICS = ["key", "ok", "error_code", "retryable", "attempts", "transport", "request_id"]


def parquet_chunks(results: Iterable[ImageResult], detail: Detail) -> Iterator[bytes]:
    """Yield a Parquet file of results in chunks.

    A row group has 20,000 rows or 2 MB, whichever is less, and is all that is in memory.

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
