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
    """Where it begins in the file."""

    buffer: bytearray
    start: int
    end: int
    """Where its line end is in the buffer, or would be."""

    length: int
    """How long it is, without its line end. Of a line that is longer than any of ours, the buffer has only the end."""

    is_ended: bool
    """Whether it has a line end; only the last one of a file may have none."""

    @property
    def content(self) -> bytes:
        """The line without its line end."""
        return bytes(memoryview(self.buffer)[self.start : self.end])

    @property
    def end_offset(self) -> int:
        """Where it ends in the file, before its line end."""
        return self.offset + self.length


def lines_of(file: FileIO) -> Iterator[Place]:
    """Yield the lines of a file that has not been read yet."""
    buffer = bytearray(_BLOCK_BYTES)
    offset = kept = dropped = 0
    while got := _read(file, buffer, kept):
        start, end = 0, kept + got
        newline = buffer.find(b"\n", kept, end)
        while newline >= 0:
            length = dropped + newline - start
            yield Place(offset, buffer, start, newline, length, is_ended=True)
            offset, dropped = offset + length + 1, 0
            start = newline + 1
            newline = buffer.find(b"\n", start, end)
        kept = end - start
        buffer[:kept] = buffer[start:end]
        if kept == len(buffer):
            if kept < _LONGEST_LINE:
                buffer.extend(bytes(kept))
            else:
                dropped, kept = dropped + kept, 0
    if kept or dropped:
        yield Place(offset, buffer, 0, kept, dropped + kept, is_ended=False)


def _read(file: FileIO, buffer: bytearray, start: int) -> int:
    with memoryview(buffer) as whole, whole[start:] as rest:
        return file.readinto(rest) or 0
