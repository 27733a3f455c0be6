"""The lines of a file of any size, without a copy of each."""

from collections.abc import Iterator
from io import FileIO
from typing import NamedTuple

_BLOCK_BYTES = 1 << 20
# A line with an answer of 64 MB would not be half as long.
_LONGEST_LINE = 1 << 28


class Place(NamedTuple):
    """Where a line is: in the file, and in the buffer until the next one is asked for."""

    offset: int
    buffer: bytearray
    start: int
    end: int
    """Where its line end is, or would be."""

    is_ended: bool
    """Whether it has a line end; only the last one of a file may have none."""

    @property
    def content(self) -> bytes:
        """The line without its line end."""
        return bytes(memoryview(self.buffer)[self.start : self.end])

    @property
    def end_offset(self) -> int:
        """Where its line end is in the file, or would be."""
        return self.offset + self.end - self.start


def lines_of(file: FileIO) -> Iterator[Place]:
    """Yield the lines of a file from its position on.

    Of a line that is longer than any of ours, only the end is yielded, with the offset of its end.
    """
    buffer = bytearray(_BLOCK_BYTES)
    offset = file.tell() if file.seekable() else 0
    kept = 0
    while got := _read(file, buffer, kept):
        start, end = 0, kept + got
        newline = buffer.find(b"\n", kept, end)
        while newline >= 0:
            yield Place(offset + start, buffer, start, newline, is_ended=True)
            start = newline + 1
            newline = buffer.find(b"\n", start, end)
        kept = end - start
        buffer[:kept] = buffer[start:end]
        offset += start
        if kept == len(buffer):
            if kept < _LONGEST_LINE:
                buffer.extend(bytes(kept))
            else:
                offset, kept = offset + kept, 0
    if kept:
        yield Place(offset, buffer, 0, kept, is_ended=False)


def _read(file: FileIO, buffer: bytearray, start: int) -> int:
    with memoryview(buffer) as whole, whole[start:] as rest:
        return file.readinto(rest) or 0
