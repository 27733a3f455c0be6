"""A file of answers that outlives the process which writes it, on a machine that lives on."""

import errno
import os
import shutil
import stat
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from vision_grpc.arrow.analysis.digest import DIGEST_BYTES

# What each record begins with: a mark, the length and the checksum of its content, and what it is found by.
_HEAD = Struct(f">4sII{DIGEST_BYTES}s")
_MARK = b"vgA1"
# Others need the disk, too.
_LEAST_FREE_BYTES = 1 << 30
_LEAST_FREE_PART = 10
_FEW_BYTES = "less than a tenth of the disk, and less than 1 GB, is free"
_LOOKS_EVERY_BYTES = 16 << 20


class _Place(NamedTuple):
    start: int
    length: int
    checksum: int


class AnswerFile:
    """Records, each found by a digest: appended at once, so that a process that is killed leaves whole ones.

    One record may be cut, the last one. It is let go of when the file is read.
    """

    def __init__(self, path: Path, *, reads: bool) -> None:
        """Open or make it. What earlier processes left is found only with `reads`.

        Raises:
            OSError: that is not possible, the file is not this user's alone, or the disk is nearly full.
        """
        # O_NOFOLLOW: in a folder that others may write to, a link may lead anywhere.
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self.folder: Path = path.parent
        self._places: dict[bytes, _Place] = {}
        self._bytes_since_look = 0
        try:
            _check_own(os.fstat(self._file))
            if reads:
                self._read()
            self._check_disk()
        except BaseException:
            self.close()
            raise

    def find(self, digest: bytes) -> bytes | None:
        """Return the content of the record with this digest, None where there is none that is whole."""
        if (place := self._places.get(digest)) is None:
            return None
        content = os.pread(self._file, place.length, place.start)
        return content if crc32(content, crc32(digest)) == place.checksum else None

    def append(self, digest: bytes, content: bytes) -> None:
        """Write a record.

        Raises:
            OSError: it is not there, or is cut: append nothing more.
        """
        record = _HEAD.pack(_MARK, len(content), crc32(content, crc32(digest)), digest) + content
        self._bytes_since_look += len(record)
        if self._bytes_since_look >= _LOOKS_EVERY_BYTES:
            self._check_disk()
        if os.write(self._file, record) < len(record):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Close it. The file stays."""
        os.close(self._file)

    def _read(self) -> None:
        end = 0
        with os.fdopen(os.dup(self._file), "rb") as file:
            size = os.fstat(self._file).st_size
            while len(head := file.read(_HEAD.size)) == _HEAD.size:
                mark, length, checksum, digest = _HEAD.unpack(head)
                start = end + _HEAD.size
                if mark != _MARK or length > size - start:
                    break
                file.seek(length, os.SEEK_CUR)
                self._places[digest] = _Place(start, length, checksum)
                end = start + length
        # What comes next is to follow a whole record.
        os.ftruncate(self._file, end)

    def _check_disk(self) -> None:
        self._bytes_since_look = 0
        disk = shutil.disk_usage(self.folder)
        if disk.free < min(_LEAST_FREE_BYTES, disk.total // _LEAST_FREE_PART):
            raise OSError(errno.ENOSPC, _FEW_BYTES)


def _check_own(found: os.stat_result) -> None:
    is_own = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
    if not is_own:
        message = "there is something that is not a file of this user alone"
        raise PermissionError(errno.EPERM, message)
