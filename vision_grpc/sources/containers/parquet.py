"""Images in a column of a Parquet file: bytes, or Hugging Face's struct of `bytes` and `path`."""

import os
from collections.abc import Iterator
from functools import partial
from typing import IO, Any

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources.containers.arrow import load_arrow
from vision_grpc.sources.containers.image_column import ColumnError, Columns, find_columns
from vision_grpc.sources.containers.openers import open_content, open_file
from vision_grpc.sources.extras import missing_extra
from vision_grpc.sources.files import HEAD_BYTES, read_file
from vision_grpc.sources.formats import too_large
from vision_grpc.sources.item import Entry, Fault, Item, Skipped, unreadable
from vision_grpc.sources.nothing import report_nothing
from vision_grpc.sources.object_file import explain_outside
from vision_grpc.sources.options import SourceOptions
from vision_grpc.texts.quoting import quote_name, shorten

NO_IMAGE = "row without an image"
"""The kind under which rows are counted whose image is null."""

# A file does not say how large its images are: one that is there often is written once. Rows by fours are listed
# nearly as fast as by thousands.
_BATCH_ROWS = 4
_BUFFER_BYTES = 1_048_576


def open_parquet(path: str, options: SourceOptions) -> Iterator[Entry]:
    """Yield what is in a Parquet file; see `read_parquet`."""
    folder = os.path.dirname(path)  # noqa: PTH120 - a Path may change the spelling
    return open_file(path, lambda file: read_parquet(path, file, options, folder=folder))


def read_parquet(name: str, file: IO[bytes], options: SourceOptions, *, folder: str | None = None) -> Iterator[Entry]:
    """Yield an Item for each row of a Parquet file, of which four are in memory at a time.

    Its key is the value of the key column, else the path beside the bytes, else `file.parquet#row=3`; rows are
    counted from 0, as in pandas. The file must allow reading anywhere. An image that is a path without bytes is read
    from below `folder`, where that is given. Patterns do not apply to rows.

    Arrow holds the page of the file in which the rows are as well: its writer decides how long that is.
    """
    try:
        arrow = load_arrow()
    except ImportError as error:
        yield Fault(name, missing_extra(error, "parquet", quote_name(name)))
        return
    # Arrow lets the errors of the file that it reads through.
    failures = (arrow.ArrowException, OSError, ValueError, MemoryError)
    try:
        table = arrow.parquet.ParquetFile(
            file, pre_buffer=False, buffer_size=_BUFFER_BYTES, page_checksum_verification=True
        )
        columns = find_columns(table.schema_arrow, options)
    except ColumnError as error:
        problem = f"{quote_name(name)}: {error}"
        yield Fault(name, ImageError.advised(Code.INVALID_ARGUMENT, problem, error.advice))
        return
    except failures as error:
        yield Fault.of(name, *_describe(error, "is not a Parquet file, or is damaged"))
        return
    if not table.metadata.num_rows:
        yield report_nothing(name, options, where="in this file", expected="no image in this file")
    rows = _Rows(name, columns, folder, options)
    start = 0
    for group in range(table.num_row_groups):
        end = start + table.metadata.row_group(group).num_rows
        try:
            for batch in table.iter_batches(_BATCH_ROWS, [group], columns.read, use_threads=False):
                yield from rows.entries(batch, start)
                start += batch.num_rows
        except failures as error:
            yield Fault.of(name, *_describe(error, f"the rows {start:,} to {end - 1:,} cannot be read"))
        start = end


class _Rows:
    """Makes rows of a table into items."""

    def __init__(self, name: str, columns: Columns, folder: str | None, options: SourceOptions) -> None:
        self._arrow = load_arrow()
        self._name = name
        self._columns = columns
        self._folder = folder
        self._options = options

    def entries(self, batch: Any, start: int) -> Iterator[Entry]:  # noqa: ANN401 - pyarrow has no types
        """Yield what is in the rows of a batch, the first of which has the number `start`."""
        contents, paths = self._split(batch.column(self._columns.image))
        if self._arrow.types.is_binary_view(contents.type):
            contents = contents.cast(self._arrow.large_binary())
        names = paths if self._columns.keys_are_paths else self._keys_of(batch)
        for row, size in enumerate(self._arrow.compute.binary_length(contents).to_pylist()):
            place = f"{self._name}#row={start + row}"
            key = names[row] or place
            if size is not None:
                item = Item(
                    key,
                    partial(_read, contents, row, size, place),
                    size,
                    place=None if key == place else place,
                    held_bytes=size,
                )
                head = (
                    contents[row].as_buffer().slice(0, min(size, HEAD_BYTES)).to_pybytes() if self._options.fit else b""
                )
                yield from open_content(item, head, self._options)
            elif path := paths[row]:
                yield self._beside(key, path, place)
            else:
                yield Skipped(place, NO_IMAGE, can_be_fitted=False)

    def _split(self, images: Any) -> tuple[Any, list[str | None]]:  # noqa: ANN401
        """Return the bytes and the paths of a column of images."""
        nothing: list[str | None] = [None] * len(images)
        if not self._columns.is_struct:
            return images, nothing
        # Unlike `field`, this leaves out the fields of rows that are null as a whole.
        fields = dict(zip([field.name for field in images.type], images.flatten(), strict=True))
        return fields["bytes"], fields["path"].to_pylist() if self._columns.has_path else nothing

    def _keys_of(self, batch: Any) -> list[str | None]:  # noqa: ANN401
        if self._columns.key is None:
            return [None] * batch.num_rows
        return [_text_of(value) for value in batch.column(self._columns.key).to_pylist()]

    def _beside(self, key: str, path: str, place: str) -> Item:
        """Return an image that is a file beside the Parquet file; no other path is trusted."""
        below = os.path.normpath(path)
        if self._folder is None or os.path.isabs(below) or f"{below}{os.sep}".startswith(f"{os.pardir}{os.sep}"):  # noqa: PTH117
            fault = f"holds no bytes, only the path {quote_name(path)}, which is not below this Parquet file's folder"
            error = ImageError(Code.INVALID_ARGUMENT, f"{quote_name(place)}: {fault}: store the bytes in it")
            return unreadable(key, error, place=place)
        file = os.path.join(self._folder, below)  # noqa: PTH118
        return Item(key, partial(read_file, file), path=file, place=place)


def _read(contents: Any, row: int, size: int, place: str, limits: Limits) -> bytes | ImageError:  # noqa: ANN401
    if size > limits.content_bytes:
        return too_large(place, size, limits)
    content: bytes = contents[row].as_py()
    return content


def _text_of(key: object) -> str | None:
    match key:
        case None | str():
            return key
        case bytes():
            return key.decode(errors="surrogateescape")
        case _:
            return str(key)


def _describe(error: Exception, problem: str) -> tuple[Code, str]:
    if (outside := explain_outside(error)) is not None:
        return outside
    return Code.DATA_LOSS, f"{problem} ({shorten(str(error).partition(chr(10))[0])})"
