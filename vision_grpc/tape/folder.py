"""A tape in a folder."""

import errno
import os
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISREG

from vision_grpc.errors import Advice, MachineError
from vision_grpc.tape.entry import EntryError, ForbiddenEntryError
from vision_grpc.tape.errors import NOT_A_TAPE, OTHER_FILES, TapeError, check_service
from vision_grpc.tape.store import (
    MARKER,
    MARKER_BYTES,
    File,
    Found,
    OnKept,
    Place,
    marker_of,
    name_of,
    service_in,
    temporary_name,
)
from vision_grpc.texts.quoting import quote_name

_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# Without waiting for the other end of what may be a pipe.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _FLAGS
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS
_MOST_BYTES = 1 << 30
_SHARD = re.compile("[0-9a-f]{2}")
# What a folder may have in it before it becomes a tape: hidden files, and what ext4 makes in each new file system.
_HARMLESS = re.compile(r"\..*|lost\+found", re.DOTALL)

_FOLDER = "it is a folder in the place of a file: remove it"
_NO_SHARD = "it is in the place of a folder of entries, and is not looked into: remove it"
_CHECK = Advice("check the permissions of the folder and of the files in it")
_EXPLAINED = {
    errno.EACCES: ("permission is denied", _CHECK),
    errno.EPERM: ("permission is denied", _CHECK),
    errno.EROFS: ("it is on a disk that may only be read", Advice("name another folder")),
    errno.EEXIST: ("it is a file, or a link that leads nowhere", Advice("name a folder")),
    errno.ENOTDIR: ("it is a file, or in a file", Advice("name a folder")),
    errno.ENAMETOOLONG: ("the name is too long", Advice("name another folder")),
    errno.ELOOP: ("it is a link that leads to itself", Advice("name another folder")),
}
# What may be wrong with one entry while others can be read; anything else is about the tape as a whole.
_UNREADABLE = {
    errno.ELOOP: "it is a link that leads to itself",
    errno.ENOTDIR: "a file is in the place of its folder",
    errno.ENXIO: "it is not a file",
    errno.EIO: "the disk fails to read it",
}


class Folder:
    """A store in a folder, which is made by the first `write`. Any number of processes may use it.

    An entry is written under a temporary name and renamed, so that a process that is killed leaves no half of one.
    Nothing is synced to the disk, which would take milliseconds: after a power cut, an entry may be cut or empty. Its
    checksum shows that.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._is_tape = False
        self._service: str | None = None

    def read(self, digests: Sequence[str], least_bytes: int | None = None) -> Sequence[Found]:
        """Return the entry of each digest; see `Store`."""
        with self._explained():
            if not self._find():
                return [None] * len(digests)
            return [_read(self.path_of(name_of(digest)), least_bytes) for digest in digests]

    def service(self) -> str | None:
        """Return the service whose answers are there; see `Store`."""
        with self._explained():
            return self._service if self._find() else None

    def write(self, digest: str, data: bytes, service: str | None = None) -> None:
        """Put an entry there; see `Store`."""
        path = self.path_of(name_of(digest))
        with self._explained():
            if not self._is_tape:
                self._create(service)
            self._check(service)
            try:
                self._put(path, data, service)
            except IsADirectoryError as error:
                message = f"{quote_name(path)} is a folder in the place of an entry"
                raise TapeError(message, advice=[Advice("remove it")]) from error
            except (FileExistsError, NotADirectoryError) as error:
                if not Path(self._path).is_dir():
                    raise
                message = (
                    f"{quote_name(str(Path(path).parent))} is in the place of a folder of entries, and is not a folder"
                )
                raise TapeError(message, advice=[Advice("remove it")]) from error

    def files(self) -> Iterator[File]:
        """Yield what is in the folders of entries, and beside them; see `Store`. Links to folders are not followed."""
        with self._explained():
            if self._look() is not Place.TAPE:
                raise TapeError(NOT_A_TAPE.format(quote_name(self._path)))
            yield from _beside(self._path)
            yield from self._walk()

    def remove(self, files: Iterable[File], on_kept: OnKept) -> None:
        """Remove files; see `Store`."""
        with self._explained():
            for file in files:
                try:
                    Path(self.path_of(file.name)).unlink()
                except FileNotFoundError:
                    pass
                except PermissionError:
                    on_kept(file, "permission to remove it is denied")

    def path_of(self, name: str) -> str:
        """Return the path of a file."""
        return f"{self._path}/{name}"

    def _put(self, path: str, data: bytes, service: str | None) -> None:
        try:
            _write(path, data)
        except FileNotFoundError:
            # The first one in its folder, or somebody has removed all of it.
            self._create(service)
            self._check(service)
            Path(path).parent.mkdir(exist_ok=True)
            _write(path, data)

    def _find(self) -> bool:
        """Return whether this is a tape, and not a folder that may become one; raises TapeError if it is another."""
        if not self._is_tape:
            place = self._look()
            if place is Place.TAKEN:
                message = OTHER_FILES.format(quote_name(self._path))
                raise TapeError(message, advice=[Advice("name a new or an empty folder")])
            if place is Place.TAPE:
                self._service = self._read_service()
                self._is_tape = True
        return self._is_tape

    def _read_service(self) -> str | None:
        marker = _read(self.path_of(MARKER), MARKER_BYTES)
        return service_in(marker) if isinstance(marker, bytes) else None

    def _check(self, service: str | None) -> None:
        check_service(self._path, self.path_of(MARKER), self._service, service)

    def _look(self) -> Place:
        marker = Path(self._path, MARKER)
        if marker.exists():
            return Place.TAPE
        try:
            names = [each.name for each in marker.parent.iterdir()]
        except FileNotFoundError:
            return Place.FREE
        if not all(_SHARD.fullmatch(name) or _HARMLESS.fullmatch(name) for name in names):
            # Another process that makes the tape at this moment begins with the marker.
            return Place.TAPE if marker.exists() else Place.TAKEN
        if (first := next(self._walk(), None)) is None:
            return Place.FREE
        return Place.TAPE if first.is_of_a_tape else Place.TAKEN

    def _walk(self) -> Iterator[File]:
        denied: list[str] = []
        for folder in sorted(_folders(self._path)):
            try:
                yield from _files(f"{self._path}{os.sep}{folder}", folder)
            except PermissionError:
                denied.append(folder)
        if denied:  # What is said of the others holds.
            others = f" and of {len(denied) - 1} others" if len(denied) > 1 else ""
            message = f"permission to list the folder {quote_name(self.path_of(denied[0]))}{others} is denied"
            raise TapeError(message, advice=[Advice("do it as its owner")])

    def _create(self, service: str | None) -> None:
        self._is_tape = False
        if not self._find():
            folder = Path(self._path)
            folder.mkdir(parents=True, exist_ok=True)
            # Another process may make the tape at this moment: its marker stays.
            _write(str(folder / MARKER), marker_of(service), is_first=True)
            self._find()

    @contextmanager
    def _explained(self) -> Generator[None]:
        """Raise a TapeError in place of the system's error."""
        try:
            yield
        except OSError as error:
            subject = f"the tape {quote_name(self._path)}"
            if (shortage := MachineError.of(error, subject)) is not None:
                raise TapeError(shortage.problem, advice=shortage.advice) from error
            problem, *advice = _EXPLAINED.get(error.errno or 0, (error.strerror or str(error),))
            message = f"{subject}: {problem}"
            raise TapeError(message, advice=advice) from error


def _read(path: str, least_bytes: int | None) -> Found:
    try:
        return _read_file(path, least_bytes)
    except FileNotFoundError:
        return EntryError("it is a link that leads nowhere") if os.path.islink(path) else None  # noqa: PTH114
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EPERM}:
            return ForbiddenEntryError("permission to read it is denied")
        if (reason := _UNREADABLE.get(error.errno or 0)) is None:
            raise
        return EntryError(reason)


def _read_file(path: str, least_bytes: int | None) -> Found:
    descriptor = os.open(path, _READ)
    try:
        status = os.fstat(descriptor)
        if not S_ISREG(status.st_mode):
            return EntryError("it is not a file")
        if status.st_size > _MOST_BYTES:
            return EntryError("it is larger than any answer")
        return _read_all(descriptor, status.st_size if least_bytes is None else min(status.st_size, least_bytes))
    finally:
        os.close(descriptor)


def _read_all(descriptor: int, size: int) -> bytes:
    read = os.read(descriptor, size)
    while len(read) < size and (more := os.read(descriptor, size - len(read))):
        read += more
    return read


def _write(path: str, data: bytes, *, is_first: bool = False) -> None:
    """Write a file, whole or not at all, in place of what is there; with `is_first`, only where nothing is."""
    # Beside it: a file is renamed within its file system alone.
    temporary = f"{path[: path.rindex('/')]}/{temporary_name()}"
    try:
        _write_new(temporary, data)
        if is_first:
            _put_first(temporary, path)
        else:
            os.replace(temporary, path)  # noqa: PTH105 - paths as objects take as long as the rest
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


def _put_first(temporary: str, path: str) -> None:
    """Give a file its name, unless there is one of that name."""
    try:
        Path(path).hardlink_to(temporary)
    except FileExistsError:
        pass
    except OSError:  # Not all file systems have links.
        os.replace(temporary, path)  # noqa: PTH105 - as the others
        return
    Path(temporary).unlink()


def _write_new(path: str, data: bytes) -> None:
    descriptor = os.open(path, _WRITE, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)


def _folders(path: str) -> Iterator[str]:
    with os.scandir(path) as found:
        for each in found:
            if _SHARD.fullmatch(each.name) and each.is_dir(follow_symlinks=False):
                yield each.name


def _beside(path: str) -> Iterator[File]:
    """Yield what is beside the folders of entries."""
    with os.scandir(path) as found:
        for each in found:
            with suppress(FileNotFoundError):
                is_folder = each.is_dir(follow_symlinks=False)
                is_of_entries = _SHARD.fullmatch(each.name) is not None
                if each.name == MARKER or _HARMLESS.fullmatch(each.name) or (is_folder and is_of_entries):
                    continue
                status = each.stat(follow_symlinks=False)
                problem = _NO_SHARD if is_of_entries else "it is a folder that is not of a tape" if is_folder else ""
                yield File(each.name, 0 if is_folder else status.st_size, status.st_mtime, problem)


def _files(path: str, folder: str) -> Iterator[File]:
    with suppress(FileNotFoundError), os.scandir(path) as found:
        for each in found:
            # It may be replaced or removed meanwhile.
            with suppress(FileNotFoundError):
                status, name = each.stat(follow_symlinks=False), f"{folder}/{each.name}"
                if each.is_dir(follow_symlinks=False):
                    yield File(name, 0, status.st_mtime, _FOLDER)
                else:
                    yield File(name, status.st_size, status.st_mtime)
