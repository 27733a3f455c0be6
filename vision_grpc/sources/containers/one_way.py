"""Files that are read once from their beginning to their end, as a pipe is."""

import bz2
import gzip
import lzma
from typing import IO, cast

_MAGIC_LENGTH = 6
_LARGEST_READ = 64 * 1_048_576
_XZ = b"\xfd7zXZ\0"
_MOST_XZ_MEMORY = 128 * 1_048_576
"""`xz -9` makes files that take 65 MiB to be read; others may say that they take 4 GiB."""
_XZ_PART = 65_536


class OneWayFile:
    """A binary file that is never read backwards; `tarfile` takes it for a file that it may seek in."""

    def __init__(self, file: IO[bytes], *, can_seek: bool = False) -> None:
        self._file = file
        self._can_seek = can_seek
        self._returned = b""
        self._position = 0
        self.last: bytes = b""
        """What `read` returned last."""

    def tell(self) -> int:
        """Return how many bytes have been read or passed."""
        return self._position

    def read(self, size: int) -> bytes:
        """Return so many bytes; fewer only at the end.

        Raises:
            ValueError: the size is negative, or larger than anything that is to be held in memory.
        """
        if not 0 <= size <= _LARGEST_READ:
            message = f"a part of {size:,} bytes is too large"
            raise ValueError(message)
        self.last = self.read_content(size)
        return self.last

    def read_content(self, size: int) -> bytes:
        """Return so many bytes, however many; fewer only at the end."""
        content = self._take(size)
        self._position += len(content)
        return content

    def give_back(self, content: bytes) -> None:
        """Let the next read return this again, with which the last one ended."""
        self._returned = content + self._returned
        self._position -= len(content)

    def seek(self, position: int) -> int:
        """Pass everything before a position, which may be behind the end.

        Raises:
            ValueError: the position has been passed already.
        """
        distance = position - self._position
        if distance < 0:
            message = "it leads back to a part that has been read"
            raise ValueError(message)
        distance -= len(self._take(min(distance, len(self._returned))))
        if self._can_seek:
            self._file.seek(distance, 1)
        while not self._can_seek and distance and (passed := len(self._file.read(min(distance, 1_048_576)))):
            distance -= passed
        self._position = position
        return position

    def _take(self, size: int) -> bytes:
        if not self._returned:
            return self._file.read(size)
        content, self._returned = self._returned[:size], self._returned[size:]
        return content + self._file.read(size - len(content)) if size > len(content) else content


class MemoryNeedError(lzma.LZMAError):
    """A file that needs too much memory to be decompressed."""


class XzFile:
    """The content of an xz file, one or more streams of it. Unlike `lzma.LZMAFile`, it bounds the memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decompressor = _xz_decompressor()

    def read(self, size: int) -> bytes:
        """Return so many bytes; fewer only at the end.

        Raises:
            MemoryNeedError: this takes more memory than any preset of `xz`.
            lzma.LZMAError: the file is damaged.
            EOFError: it ends within a stream.
        """
        parts: list[bytes] = []
        while size and (part := self._read_part(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _read_part(self, size: int) -> bytes:
        part = b""
        while not part:
            if not self._decompressor.eof:
                compressed = self._file.read(_XZ_PART) if self._decompressor.needs_input else b""
                if self._decompressor.needs_input and not compressed:
                    raise EOFError
            elif not (compressed := self._begin_stream()):
                break
            try:
                part = self._decompressor.decompress(compressed, size)
            except lzma.LZMAError as error:
                if "limit" in str(error):
                    raise MemoryNeedError(str(error)) from error
                raise
        return part

    def _begin_stream(self) -> bytes:
        """Return the beginning of the next stream; nothing where none follows."""
        rest = self._decompressor.unused_data.lstrip(b"\0")
        while len(rest) < len(_XZ) and (more := self._file.read(_XZ_PART)):
            rest = (rest + more).lstrip(b"\0")
        if not rest.startswith(_XZ):
            return b""
        self._decompressor = _xz_decompressor()
        return rest


def _xz_decompressor() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, _MOST_XZ_MEMORY)


def uncompress(file: IO[bytes]) -> OneWayFile:
    """Return the content of a file that may be compressed by gzip, bzip2 or xz, whatever it is called."""
    stored = OneWayFile(file, can_seek=file.seekable())
    head = stored.read(_MAGIC_LENGTH)
    stored.give_back(head)
    # All three need nothing of the file but `read`.
    raw = cast("IO[bytes]", stored)
    if head.startswith(b"\x1f\x8b"):
        return OneWayFile(cast("IO[bytes]", gzip.GzipFile(fileobj=raw)))
    if head.startswith(b"BZh"):
        return OneWayFile(cast("IO[bytes]", bz2.BZ2File(raw)))
    if head.startswith(_XZ):
        return OneWayFile(cast("IO[bytes]", XzFile(raw)))
    return stored
