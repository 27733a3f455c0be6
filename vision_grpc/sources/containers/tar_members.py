"""The members of a tar file in one pass, whatever carries it: `tarfile`, made strict about where the file ends."""

import lzma
import tarfile
import zlib
from collections.abc import Iterator
from typing import IO, cast

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources.containers.one_way import MemoryNeedError, OneWayFile, uncompress
from vision_grpc.sources.formats import too_large
from vision_grpc.sources.object_file import explain_outside
from vision_grpc.texts.quoting import quote_name, shorten

_DAMAGES = (
    tarfile.TarError,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    MemoryError,
    # `tarfile` calls itself for each header that belongs to the next one, such as that of a long name.
    RecursionError,
    zlib.error,
    lzma.LZMAError,
)
_SCANNED_BYTES = 20 * tarfile.BLOCKSIZE
_ZSTD = b"\x28\xb5\x2f\xfd"


class Members:
    """Walks through the members of a tar file, and reads those that are asked for."""

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self._name = name
        self._file = file
        self._content: OneWayFile | None = None
        self._tar: tarfile.TarFile | None = None
        self._current: tarfile.TarInfo | None = None
        self.fault: ImageError | None = None
        """What ended the members early, known when they have ended."""

    def __iter__(self) -> Iterator[tarfile.TarInfo]:
        """Yield all members, also those of further tar files that were appended to the first, as by `cat`."""
        try:
            self._content = content = uncompress(self._file)
            yield from self._walk(content)
            while self.fault is None and _has_more(content):
                yield from self._walk(content)
        except _DAMAGES as error:
            self.fault = self._explain(error, self._name)
        self._current = None

    def read(self, member: tarfile.TarInfo, place: str, limits: Limits) -> bytes | ImageError:
        """Return the content of the member that was yielded last; it is not read if it is too large.

        Raises:
            RuntimeError: another member has been asked for since.
        """
        if self._tar is None or self._content is None or self._current is not member:
            message = (
                f"{quote_name(place)} has passed: it can be read only until the source is asked for the next entry"
            )
            raise RuntimeError(message)
        self._current = None
        if member.size > limits.content_bytes:
            return too_large(place, member.size, limits)
        try:
            return _content_of(member, self._tar, self._content)
        except _DAMAGES as error:
            self.fault = self._explain(error, self._name)
            return self._explain(error, place)

    def _walk(self, content: OneWayFile) -> Iterator[tarfile.TarInfo]:
        file = cast("IO[bytes]", content)
        self._tar = tar = tarfile.TarFile(fileobj=file, encoding="utf-8", errors="surrogateescape")
        while self.fault is None and (member := tar.next()) is not None:
            self._current = member
            yield member
            vars(tar)["members"].clear()  # It keeps them all, for files that can be read backwards.
        if self.fault is None:
            _check_end(content)

    def _explain(self, error: Exception, name: str) -> ImageError:
        code, fault = self._describe(error)
        return ImageError(code, f"{quote_name(name)}: {fault}")

    def _describe(self, error: Exception) -> tuple[Code, str]:
        if (outside := explain_outside(error)) is not None:
            return outside
        content = self._content
        if self._tar is None and isinstance(error, tarfile.ReadError) and content is not None:
            return Code.INVALID_ARGUMENT, _explain_foreign(content)
        if isinstance(error, MemoryNeedError):
            return Code.INVALID_ARGUMENT, "takes more than 128 MiB of memory to decompress: compress it anew (xz -9)"
        place = f"after {0 if content is None else content.tell():,} bytes of its content"
        advice = "what came before can be read, and the rest is lost: get the file anew"
        return Code.DATA_LOSS, f"is {_name_damage(error, place)}: {advice}"


def _explain_foreign(content: OneWayFile) -> str:
    if content.last.startswith(_ZSTD):
        return "is compressed by zstd: decompress it (zstd -d), or compress it by gzip"
    return "is not a tar file" if content.tell() else "is empty"


def _name_damage(error: Exception, place: str) -> str:
    if isinstance(error, RecursionError):
        return f"damaged {place} (too many headers for one member)"
    if isinstance(error, EOFError) or str(error) == "unexpected end of data":
        return f"cut {place}"
    return f"damaged {place} ({shorten(str(error))})"


def _content_of(member: tarfile.TarInfo, tar: tarfile.TarFile, content: OneWayFile) -> bytes:
    if member.issparse() and (file := tar.extractfile(member)) is not None:
        return file.read()
    content.seek(member.offset_data)
    read = content.read_content(member.size)
    if len(read) < member.size:
        raise EOFError
    return read


def _check_end(content: OneWayFile) -> None:
    """Raise what is wrong where the members end: `tarfile` takes a missing or damaged header for the end.

    The header was read last. At the true end it is a block of zeros.
    """
    if len(content.last) < tarfile.BLOCKSIZE:
        raise EOFError
    if content.last.strip(b"\0"):
        message = "no member begins there"
        raise tarfile.HeaderError(message)


def _has_more(content: OneWayFile) -> bool:
    """Return whether something follows the end of a tar file; the file is left where that begins."""
    while block := content.read(_SCANNED_BYTES):
        if rest := block.lstrip(b"\0"):
            padding = len(block) - len(rest)
            content.give_back(block[padding - padding % tarfile.BLOCKSIZE :])
            return True
    return False
