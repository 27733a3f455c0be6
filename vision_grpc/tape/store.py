"""What a tape needs of the place where its entries are."""

import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple, Protocol, TypeAlias

from vision_grpc.tape.entry import EntryError
from vision_grpc.tape.errors import TapeError

MARKER = "vision-grpc-tape"
"""The name of the file that says that a place is a tape."""

_MARKER_TEXT = """vision-grpc tape 1

Answers of the Vision service, which vision-grpc keeps under digests of what was sent for them.
To look at them, or to keep fewer: vision-grpc tape --help
"""
MARKER_BYTES = 4_096
"""What is read of a marker at most."""

_SERVICE = re.compile(rb"^service: ([!-~]+(?: [!-~]+)*)\r?$", re.MULTILINE)

_ENTRY = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})", re.ASCII)
_MISPLACED = re.compile(r"(?:.*/)?([0-9a-f]{2})[0-9a-f]{62}", re.ASCII | re.DOTALL)
# All of the name: files of others may end like this, and a temporary one is removed once it is old.
_TEMPORARY = re.compile(r"[0-9a-f]{2}/\.[0-9a-f]{16}\.tmp", re.ASCII)

_AT_ONCE = 64
_BYTES_AT_ONCE = 1 << 24

Found: TypeAlias = bytes | EntryError | None
"""What is in the place of an entry: bytes, something that cannot be one, or nothing."""


OnProgress: TypeAlias = Callable[[int], object]
"""Is called now and then with the number of entries that were looked at."""


OnKept: TypeAlias = Callable[["File", str], object]
"""Is called with a file that could not be removed, and why."""


class Place(Enum):
    """What is in the place of a tape."""

    FREE = auto()
    """Nothing, or what does not matter: it may become a tape."""
    TAPE = auto()
    """A tape: it has the marker, or entries. Whatever removes old files begins with the marker."""
    TAKEN = auto()
    """Something else."""


class File(NamedTuple):
    """A file or an object in the place of a tape, or what is there instead."""

    name: str
    """Its path below the place of the tape, with slashes."""
    size: int
    written_at: float
    """In seconds since 1970 (UTC), by the clock of the file system or the store."""
    problem: str = ""
    """What it is if it is not a file, and what to do about that: it is left alone."""

    @property
    def digest(self) -> str | None:
        """The digest of the entry that it is to be; None where it has another name."""
        found = _ENTRY.fullmatch(self.name)
        return None if found is None else found[2]

    @property
    def fault(self) -> str:
        """Why it is not of a tape, and what to do where it may be meant as a part of it."""
        if self.problem:
            return self.problem
        if (lost := _MISPLACED.fullmatch(self.name)) is not None:
            return f"it is in the folder of other entries: move it to {lost[1]}/, or remove it"
        return "it is not a file of a tape"

    @property
    def is_of_a_tape(self) -> bool:
        """Whether it is an entry, or is to become one."""
        return self.is_temporary or self.digest is not None

    @property
    def is_temporary(self) -> bool:
        """Whether an entry is being written under this name, or was until its writer was killed."""
        return not self.problem and _TEMPORARY.fullmatch(self.name) is not None


def name_of(digest: str) -> str:
    """Return the name of the file of an entry: 256 folders, so that each has 4,000 files in a tape of a million."""
    return f"{digest[:2]}/{digest}"


def marker_of(service: str | None) -> bytes:
    """Return what the marker of a new tape says: whose answers are to be on it, if that is known."""
    line = "" if service is None else f"\nservice: {service}\n"
    return f"{_MARKER_TEXT}{line}".encode()


def service_in(marker: bytes) -> str | None:
    """Return the service that a marker names, None of one that names none, as those of earlier versions."""
    found = _SERVICE.search(marker)
    return None if found is None else found[1].decode()


def temporary_name() -> str:
    """Return a name under which an entry is written, in the folder that it is to be in; each is another one."""
    return f".{secrets.token_hex(8)}.tmp"


def in_groups(files: Iterator[File]) -> Iterator[Sequence[File]]:
    """Yield files, several at a time, which are read at once; those before an error, too."""
    group: list[File] = []
    group_bytes = 0
    try:
        for file in files:
            if group and (len(group) == _AT_ONCE or group_bytes + file.size > _BYTES_AT_ONCE):
                yield group
                group, group_bytes = [], 0
            group.append(file)
            group_bytes += file.size
    except TapeError:
        if group:
            yield group
        raise
    if group:
        yield group


def show_nothing(count: int) -> None:
    """Show no progress."""
    del count


class Store(Protocol):
    """The files of a tape, in a folder or in a bucket. It opens nothing before its first use.

    All methods raise TapeError where the place as a whole cannot be used.
    """

    def read(self, digests: Sequence[str], least_bytes: int | None = None) -> Sequence[Found]:
        """Return the entry of each digest: all of it, or at least so many bytes of its beginning."""
        ...

    def service(self) -> str | None:
        """Return the service whose answers are there; None where that is not known, or nothing is there."""
        ...

    def write(self, digest: str, data: bytes, service: str | None = None) -> None:
        """Put an entry there, whole or not at all, in place of what was there.

        The first one makes the tape, that of `service`; OtherServiceError is raised where it is another one's.
        """
        ...

    def files(self) -> Iterator[File]:
        """Yield what is there, however much, in any order; raises TapeError if the place is not a tape."""
        ...

    def remove(self, files: Iterable[File], on_kept: OnKept) -> None:
        """Remove files, however many; one that is not there any more is removed already.

        `on_kept` is called with each one that cannot be removed while others can.
        """
        ...

    def path_of(self, name: str) -> str:
        """Return the path or URL of a file."""
        ...
