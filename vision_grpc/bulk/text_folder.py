"""A folder with a text file for each image, which mirrors the names of the images."""

import errno
import logging
import os
import re
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from zlib import crc32

from vision_grpc.bulk.journal import Line
from vision_grpc.bulk.keys import KeyTable, bytes_of_key
from vision_grpc.errors import Advice, AdvisedError, MachineError
from vision_grpc.results import ImageResult
from vision_grpc.texts.quoting import quote_name

_log = logging.getLogger(__name__)
_TEXT = b".txt"
# Suffixes that name the format of an image; of any other, such as that of `page.1`, nobody knows what it is.
_IMAGE_SUFFIX = re.compile(rb"(?<=.)\.(jpe?g|jpe|jfif|png|webp|tiff?|bmp|gif|avif|heic|heif|pdf)$", re.IGNORECASE)
_SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://")
_LONGEST_NAME, _LONGEST_PATH = 240, 3_800
# A folder has the name of a text, or a text that of a folder.
_TAKEN = frozenset({errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOTEMPTY})


class TextFolderError(AdvisedError):
    """A text cannot be written to the folder; the message names the file and what to do."""


class TextFolder:
    """Writes the text of each image that was read: of `scans/a.png`, to `scans/a.txt` in the folder.

    If `scans/a.jpg` has that name already, the text goes to `scans/a.png.txt`. Which of the two came first is known
    again after a crash, if `claim` is called for each image of the journal in its order. A page of a document keeps its
    whole name (`b.pdf#page=3.txt`), a key that would lead out of the folder leads into it (`../c.png` to `__/c.txt`,
    `/d.png` to `d.txt`, `s3://bucket/e.png` to `bucket/e.txt`), and one that no file can have as its name is
    shortened and ends in a hash of the key. A text appears whole, in place of an older one of the same image.

    Raises:
        TextFolderError: the folder cannot be made.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._root = os.fsencode(path)
        self._owners = KeyTable()
        self._made = b""
        try:
            os.makedirs(self._root, exist_ok=True)  # noqa: PTH103 - names are bytes here
        except OSError as error:
            raise _explain(error, self._root) from error

    def claim(self, key: str) -> Path:
        """Return the file of an image, which no other image gets from now on."""
        return Path(os.fsdecode(os.path.join(self._root, self._claim(key))))  # noqa: PTH118

    def write(self, result: ImageResult) -> None:
        """Write the text of an image, unless it has failed. To be called before its line is written to the journal.

        Raises:
            TextFolderError: the disk is full or failed, or the folder may not be written.
        """
        if result.ok:
            self._write(result.key, result.text)

    def catch_up(self, lines: Iterable[Line]) -> int:
        """Write the texts of a journal that the folder does not have yet, and return how many there were.

        Raises:
            TextFolderError: as `write`.
        """
        written = 0
        for line in lines:
            if line.ok and not self._has(line):
                self._write(line.key, line.text)
                written += 1
        return written

    def _has(self, line: Line) -> bool:
        try:
            size = os.stat(os.path.join(self._root, self._claim(line.key))).st_size  # noqa: PTH116, PTH118
        except OSError:
            return False
        return size > 0 or not line.text

    def _claim(self, key: str) -> bytes:
        content = bytes_of_key(key)
        owner = crc32(content)
        names = _names_of(content)
        for name in names[:-1]:
            if self._owners.add(os.fsdecode(name), owner) in {None, owner}:
                return name
        return names[-1]

    def _write(self, key: str, text: str) -> None:
        data = f"{text}\n".encode("utf-8", "backslashreplace") if text else b""
        name = self._claim(key)
        try:
            self._replace(name, data)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise _explain(error, os.path.join(self._root, name)) from error  # noqa: PTH118
            flat = _with_hash(name.rpartition(b"/")[2].removesuffix(_TEXT), bytes_of_key(key))
            try:
                self._replace(flat, data)
            except OSError as second:
                raise _explain(second, os.path.join(self._root, flat)) from second  # noqa: PTH118

    def _replace(self, name: bytes, data: bytes) -> None:
        folder, _, last = name.rpartition(b"/")
        parent = os.path.join(self._root, folder) if folder else self._root  # noqa: PTH118
        if parent != self._made:
            os.makedirs(parent, exist_ok=True)  # noqa: PTH103
            self._made = parent
        # Hidden, so that nobody takes half a text for a whole one.
        half = os.path.join(parent, b".vision-grpc-%d.part" % os.getpid())  # noqa: PTH118
        try:
            with open(half, "wb", buffering=0) as file:  # noqa: PTH123
                rest = memoryview(data)
                while rest:
                    rest = rest[file.write(rest) or 0 :]
            os.replace(half, os.path.join(parent, last))  # noqa: PTH105, PTH118
        except OSError:
            try:
                os.unlink(half)  # noqa: PTH108
            except OSError:
                _log.debug("%s is left", quote_name(os.fsdecode(half)))
            raise


def _names_of(key: bytes) -> list[bytes]:
    """Return the names that the text of an image may have, the best one first; nobody else can have the last one."""
    parts = [_safe(part) for part in _SCHEME.sub(b"", key, count=1).split(b"/") if part not in {b"", b"."}]
    *folders, last = parts or [b"image"]
    hashed = _with_hash(last, key)
    if sum(map(len, parts)) + len(parts) > _LONGEST_PATH or any(len(part) > _LONGEST_NAME for part in folders):
        return [hashed]
    folder = b"".join(part + b"/" for part in folders)
    if len(last) > _LONGEST_NAME:
        return [folder + hashed]
    stem = _IMAGE_SUFFIX.sub(b"", last)
    return [folder + stem + _TEXT, folder + last + _TEXT, folder + hashed]


def _safe(part: bytes) -> bytes:
    return b"__" if part == b".." else part.replace(b"\0", rb"\x00")


def _with_hash(name: bytes, key: bytes) -> bytes:
    """Return a name that no other key has, short enough for all file systems."""
    digest = blake2b(key, digest_size=8).hexdigest().encode()
    # Not within a character.
    start = name[:150].decode("utf-8", "ignore").encode() or b"image"
    return b"%b~%b%b" % (start, digest, _TEXT)


def _explain(error: OSError, path: bytes) -> TextFolderError:
    name = quote_name(os.fsdecode(path))
    if shortage := MachineError.of(error, f"{name}: cannot be written"):
        return TextFolderError(shortage.problem, advice=shortage.advice)
    if error.errno in {errno.EEXIST, errno.ENOTDIR}:
        where = "is a file" if error.errno == errno.EEXIST else "is below a file"
        return TextFolderError(f"{name}: {where}, expected a folder", advice=[Advice("name another one")])
    advice = Advice("check the permissions of the folder, or name another one")
    return TextFolderError(f"{name}: cannot be written ({error.strerror})", advice=[advice])
