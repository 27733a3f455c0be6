"""A tape in a folder: an entry a file, in 256 folders by the first two digits of their digests."""

import errno
import os
import secrets
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISREG

from vision_grpc.errors import Advice, MachineError
from vision_grpc.tape.errors import TapeError
from vision_grpc.tape.store import MARKER, MARKER_TEXT
from vision_grpc.texts.quoting import quote_name

_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# What a folder may have in it before it becomes a tape: hidden files, and what ext4 makes in each new file system.
_HARMLESS = frozenset({"lost+found"})


class Folder:
    """A store in a folder, which is made by the first `write`. Several processes may use it at a time.

    An entry is written under a temporary name and renamed: a process that is killed leaves no half of one. Nothing is
    synced to the disk, as that costs milliseconds: after a power cut an entry may be cut, which its checksum shows.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._is_tape = False

    def read(self, digests: Sequence[str]) -> Sequence[bytes | None]:
        """Return what is there for each digest; see `Store`."""
        if not self._find_marker():
            return [None] * len(digests)
        return [self._read(self.name(digest)) for digest in digests]

    def write(self, digest: str, data: bytes) -> None:
        """Put an entry there; see `Store`."""
        folder = f"{self.path}{os.sep}{digest[:2]}"
        with self._explained():
            if not self._is_tape:
                self._create()
            try:
                _write(folder, digest, data)
            except FileNotFoundError:
                self._create()
                Path(folder).mkdir(exist_ok=True)
                _write(folder, digest, data)

    def name(self, digest: str) -> str:
        """Return the path of an entry."""
        return f"{self.path}{os.sep}{digest[:2]}{os.sep}{digest}"

    def _read(self, path: str) -> bytes | None:
        with self._explained():
            try:
                descriptor = os.open(path, _READ)
            except OSError as error:
                if error.errno == errno.ENOENT:
                    return None
                if error.errno == errno.ELOOP:
                    return b""
                raise
            try:
                found = os.fstat(descriptor)
                # A pipe would be waited for.
                if not S_ISREG(found.st_mode):
                    return b""
                return _read_all(descriptor, found.st_size)
            finally:
                os.close(descriptor)

    def _find_marker(self) -> bool:
        """Return whether there is a tape; raises TapeError if there is something else."""
        if self._is_tape:
            return True
        folder = Path(self.path)
        with self._explained():
            try:
                names = [each.name for each in folder.iterdir()]
            except FileNotFoundError:
                return False
            # Another process that makes the tape at this moment begins with the marker.
            self._is_tape = MARKER in names or (folder / MARKER).exists()
        if not self._is_tape and not all(name.startswith(".") or name in _HARMLESS for name in names):
            message = f"{quote_name(self.path)} is not a tape, and has other files in it"
            raise TapeError(message, advice=[Advice("name a new or an empty folder")])
        return self._is_tape

    def _create(self) -> None:
        self._is_tape = False
        if self._find_marker():
            return
        folder = Path(self.path)
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            _write_new(str(folder / MARKER), MARKER_TEXT)
        self._is_tape = True

    @contextmanager
    def _explained(self) -> Generator[None]:
        """Raise a TapeError in place of the system's error."""
        try:
            yield
        except OSError as error:
            subject = f"the tape {quote_name(self.path)}"
            if (shortage := MachineError.of(error, subject)) is not None:
                raise TapeError(shortage.problem, advice=shortage.advice) from error
            if isinstance(error, NotADirectoryError | FileExistsError):
                message = f"{subject} is not a folder, but a file, or in a file"
                raise TapeError(message, advice=[Advice("name a folder")]) from error
            message = f"{subject}: {os.strerror(error.errno).lower() if error.errno else error}"
            raise TapeError(message) from error


def _write(folder: str, name: str, data: bytes) -> None:
    temporary = f"{folder}{os.sep}.{secrets.token_hex(8)}.tmp"
    try:
        _write_new(temporary, data)
        os.replace(temporary, f"{folder}{os.sep}{name}")  # noqa: PTH105 - a Path would take longer than the rest
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


def _write_new(path: str, data: bytes) -> None:
    descriptor = os.open(path, _WRITE, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)


def _read_all(descriptor: int, size: int) -> bytes:
    read = os.read(descriptor, size)
    if len(read) == size:
        return read
    parts = [read]
    while read := os.read(descriptor, max(1, size - sum(map(len, parts)))):
        parts.append(read)
    return b"".join(parts)
