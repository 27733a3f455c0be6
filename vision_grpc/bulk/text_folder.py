"""A folder with a text file for each image, which mirrors the names of the images."""

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import Enum, auto
from threading import Lock
from typing import BinaryIO
from zlib import crc32

from vision_grpc.bulk.half_files import half_name, remove_left_halves
from vision_grpc.bulk.journal import Line
from vision_grpc.bulk.keys import KeyTable
from vision_grpc.bulk.space import check_space
from vision_grpc.bulk.text_names import TEXT, names_of
from vision_grpc.errors import Advice, AdvisedError, MachineError
from vision_grpc.results import ImageResult
from vision_grpc.texts.quoting import quote_name
from vision_grpc.texts.strict import bytes_of_key

# What may have a name besides an image, which has a number from 4 on.
_OUTPUT, _FOREIGN, _FOLDER, _IMAGE = 0, 1, 2, 4
# A folder has the name of a text, or something else that of a folder.
_TAKEN = frozenset({errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOTEMPTY, errno.ELOOP})


_BLOCK_BYTES = 1 << 20


class TextFolderError(AdvisedError):
    """A text cannot be written to the folder; the message names the file and what to do."""


class _There(Enum):
    """What has a name already."""

    NOTHING = auto()
    EMPTY = auto()
    """A file without content."""
    EQUAL = auto()
    """A file with this text already."""
    OTHER = auto()
    """A file of somebody else, or no file at all."""


class TextFolder:
    """Writes the text of each image that was read: of `scans/a.png`, to `scans/a.txt` in the folder.

    If `scans/a.jpg` has that name already, the text goes to `scans/a.png.txt`. `claim` is called for each image in the
    order of the sources, so that names depend on that alone: not on which answer comes first, nor on how often a run
    was begun. A page of a document keeps its whole name (`b.pdf#page=3.txt`), a key that would lead out of the folder
    leads into it (`../c.png` to `__/c.txt`, `/d.png` to `d.txt`, `s3://bucket/e.png` to `bucket/e.txt`), and one that
    no file can have as its name is shortened and ends in a hash of the key.

    A text appears whole. A file that is there already and has another content stays: the text goes to the next of these
    names, and `moved` counts it. Only the last name, which ends in a hash, is that of this image for sure, and the file
    is replaced. The run's own `outputs` are never written to. Files of other formats have another `suffix`, and are
    written by `put`; what matches `differs`, such as the time, may be another text of that length in a file with the
    same content.

    Raises:
        TextFolderError: the folder cannot be made.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        suffix: bytes = TEXT,
        outputs: Iterable[str | os.PathLike[str]] = (),
        differs: re.Pattern[bytes] | None = None,
    ) -> None:
        self.moved: int = 0
        """How many texts have longer names because other files were there."""
        self._root = os.fsencode(path)
        self._suffix = suffix
        self._differs = differs
        # Images are claimed by a thread that reads ahead, perhaps.
        self._lock = Lock()
        self._owners = KeyTable()
        self._made = b""
        try:
            os.makedirs(self._root, exist_ok=True)  # noqa: PTH103 - names are bytes here
        except OSError as error:
            raise _explain(error, self._root) from error
        remove_left_halves(self._root)
        inside = os.path.join(os.path.realpath(self._root), b"")  # noqa: PTH118
        for output in outputs:
            real = os.path.realpath(os.fsencode(output))
            if real.startswith(inside):
                self._owners.add(os.fsdecode(real.removeprefix(inside)), _OUTPUT)

    def claim(self, key: str) -> None:
        """Give an image its name, which no other image gets from now on."""
        self._claim(key)

    def check_space(self) -> None:
        """Check that there is space for more texts.

        Raises:
            TextFolderError: there is none.
        """
        try:
            check_space(self._root)
        except OSError as error:
            raise _explain(error, self._root) from error

    def write(self, result: ImageResult) -> None:
        """Write the text of an image, unless it has failed. To be called before its line is written to the journal.

        Raises:
            TextFolderError: the disk is full or failed, or the folder may not be written.
        """
        if result.ok:
            self._write(result.key, _content_of(result.text))

    def put(self, key: str, content: bytes | memoryview) -> None:
        """Write what was made of an image; as `write` otherwise."""
        self._write(key, content)

    def catch_up(self, lines: Iterable[Line]) -> int:
        """Write the texts of a journal that the folder does not have yet, and return how many there were.

        To be called when the images of the sources have their names.

        Raises:
            TextFolderError: as `write`.
        """
        written = 0
        for line in lines:
            if line.ok and not self._has(line.key, content := _content_of(line.text)):
                # A power loss may have left the file without its content.
                self._write(line.key, content, replaced=_There.EMPTY)
                written += 1
        return written

    def _has(self, key: str, content: bytes) -> bool:
        of_this_image = {None, _FOREIGN, _owner_of(key)}
        for name in names_of(bytes_of_key(key), self._suffix):
            with self._lock:
                may_be = self._owners.get(os.fsdecode(name)) in of_this_image
            if may_be and self._look(name, content) is _There.EQUAL:
                return True
        return False

    def _claim(self, key: str) -> list[bytes]:
        """Return the names that an image may have, its own one first."""
        names, owner = names_of(bytes_of_key(key), self._suffix), _owner_of(key)
        while len(names) > 1 and not self._take(names[0], owner):
            del names[0]
        return names

    def _take(self, name: bytes, owner: int) -> bool:
        """Return whether an image has a name, or gets it as nobody else has it."""
        with self._lock:
            for folder in _folders_like_files(name, self._suffix):
                if self._owners.add(os.fsdecode(folder), _FOLDER) not in {None, _FOLDER}:
                    return False
            return self._owners.add(os.fsdecode(name), owner) in {None, owner}

    def _write(self, key: str, content: bytes | memoryview, *, replaced: _There = _There.NOTHING) -> None:
        *names, last = self._claim(key)
        owner = _owner_of(key)
        for number, name in enumerate(names):
            if number and not self._take(name, owner):
                continue
            there = self._look(name, content)
            if there is _There.EQUAL or (there in {_There.NOTHING, replaced} and self._place(name, content)):
                self.moved += number > 0
                return
            with self._lock:
                self._owners.put(os.fsdecode(name), _FOREIGN)
        self.moved += bool(names)
        if not self._place(last, content):
            problem = f"{quote_name(os.fsdecode(self._path_of(last)))}: cannot be written (something else is there)"
            raise TextFolderError(problem, advice=[Advice("move it away, or name another folder")])

    def _look(self, name: bytes, content: bytes | memoryview) -> _There:
        path = self._path_of(name)
        try:
            status = os.lstat(path)
            if not stat.S_ISREG(status.st_mode):
                return _There.OTHER
            if status.st_size == len(content):
                with open(path, "rb") as file:  # noqa: PTH123
                    return _There.EQUAL if self._is_same(file, content) else _There.OTHER
        except FileNotFoundError:
            return _There.NOTHING
        except OSError:  # It cannot be compared, or a file is where the folder has to be.
            return _There.OTHER
        return _There.OTHER if status.st_size else _There.EMPTY

    def _is_same(self, file: BinaryIO, content: bytes | memoryview) -> bool:
        if self._differs is not None:
            return self._differs.sub(b"", file.read()) == self._differs.sub(b"", content)
        rest = memoryview(content)
        while (block := file.read(_BLOCK_BYTES)) and rest[: len(block)] == memoryview(block):
            rest = rest[len(block) :]
        return not (block or rest)

    def _place(self, name: bytes, content: bytes | memoryview) -> bool:
        """Write a file; return False if the file system lets no file have this name."""
        try:
            self._replace(name, content)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            raise _explain(error, self._path_of(name)) from error
        return True

    def _replace(self, name: bytes, content: bytes | memoryview) -> None:
        target = self._path_of(name)
        parent = os.path.dirname(target)  # noqa: PTH120
        if parent != self._made:
            os.makedirs(parent, exist_ok=True)  # noqa: PTH103
            self._made = parent
        try:
            _write_whole(self._root, target, content)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _write_whole(parent, target, content)  # A folder in the folder is on another disk.

    def _path_of(self, name: bytes) -> bytes:
        return os.path.join(self._root, name)  # noqa: PTH118


def _write_whole(folder: bytes, target: bytes, content: bytes | memoryview) -> None:
    half = os.path.join(folder, half_name())  # noqa: PTH118
    try:
        with open(half, "wb", buffering=0) as file:  # noqa: PTH123
            rest = memoryview(content)
            while rest:
                rest = rest[file.write(rest) or 0 :]
        os.replace(half, target)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            os.unlink(half)  # noqa: PTH108
        raise


def _content_of(text: str) -> bytes:
    return f"{text}\n".encode("utf-8", "backslashreplace") if text else b""


def _owner_of(key: str) -> int:
    return crc32(bytes_of_key(key)) | _IMAGE


def _folders_like_files(name: bytes, suffix: bytes) -> Iterator[bytes]:
    """Yield the folders of a name that a file could have as its name."""
    end = name.find(suffix + b"/")
    while end >= 0:
        yield name[: end + len(suffix)]
        end = name.find(suffix + b"/", end + 1)


def _explain(error: OSError, path: bytes) -> TextFolderError:
    name = quote_name(os.fsdecode(path))
    if shortage := MachineError.of(error, f"{name}: cannot be written"):
        return TextFolderError(shortage.problem, advice=shortage.advice)
    if error.errno in {errno.EEXIST, errno.ENOTDIR}:
        problem = "is not a folder" if error.errno == errno.EEXIST else "is below a file"
        return TextFolderError(f"{name}: {problem}", advice=[Advice("name another folder")])
    advice = Advice("check the permissions of the folder, or name another one")
    return TextFolderError(f"{name}: cannot be written ({error.strerror})", advice=[advice])
