"""Read all of a tape, and find what is damaged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from vision_grpc.tape.entry import EntryError, ForbiddenEntryError, NewerEntryError, unpack
from vision_grpc.tape.store import File, Found, OnProgress, Store, in_groups


class Finding(NamedTuple):
    """Something on a tape that is not a whole entry."""

    path: str
    reason: str
    is_entry: bool
    """Whether it is in the place of an entry; what is not is never removed."""
    is_newer: bool = False
    """Whether it is an entry of a later version of this package, which is not removed either."""


OnFinding = Callable[[Finding], object]


@dataclass(slots=True)
class Verified:
    """How many entries were read, and what of them is wrong."""

    entries: int = 0
    total_bytes: int = 0
    damaged: int = 0
    removed: int = 0
    """How many of the damaged ones were removed."""
    newer: int = 0
    """Entries of a later version of this package, which this one cannot read."""
    others: int = 0
    """Files that are not of a tape."""


def verify(store: Store, *, remove: bool, on_finding: OnFinding, on_progress: OnProgress) -> Verified:
    """Read all entries, and return what is damaged; see `Tape.verify`. Memory does not grow with the tape."""
    work = _Verify(store, on_finding)
    for group in in_groups(store.files()):
        work.look(group, remove=remove)
        on_progress(work.done.entries)
    return work.done


class _Verify:
    def __init__(self, store: Store, on_finding: OnFinding) -> None:
        self.done = Verified()
        self._store = store
        self._on_finding = on_finding

    def look(self, group: Sequence[File], *, remove: bool) -> None:
        """Read some entries, and name what is wrong there."""
        entries: list[tuple[File, str]] = []
        for file in group:
            if (digest := file.digest) is not None and not file.problem:
                entries.append((file, digest))
            elif digest is not None:
                self.done.entries += 1
                self._name_damaged({file: file.problem})
            elif not file.is_temporary:
                self.done.others += 1
                self._name(file, file.fault, is_entry=False)
        damaged: dict[File, str] = {}
        found = self._store.read([digest for _, digest in entries])
        for (file, digest), each in zip(entries, found, strict=True):
            self.done.entries += 1
            self.done.total_bytes += file.size
            try:
                _check(digest, each)
            except NewerEntryError as error:
                self.done.newer += 1
                self._name(file, f"{error}: a later version of vision-grpc reads it", is_entry=True, is_newer=True)
            except ForbiddenEntryError as error:
                self._name_damaged({file: f"{error}: do it as its owner"})
            except EntryError as error:
                damaged[file] = str(error)
        if remove and damaged:
            kept: dict[File, str] = {}
            self._store.remove(damaged, kept.__setitem__)
            self.done.removed += len(damaged) - len(kept)
            damaged |= {file: f"{damaged[file]}; {reason}" for file, reason in kept.items()}
        self._name_damaged(damaged)

    def _name_damaged(self, damaged: Mapping[File, str]) -> None:
        self.done.damaged += len(damaged)
        for file, reason in damaged.items():
            self._name(file, reason, is_entry=True)

    def _name(self, file: File, reason: str, *, is_entry: bool, is_newer: bool = False) -> None:
        self._on_finding(Finding(self._store.path_of(file.name), reason, is_entry, is_newer))


def _check(digest: str, found: Found) -> None:
    """Raise EntryError if an entry is damaged; nothing is one that was removed meanwhile."""
    if isinstance(found, EntryError):
        raise found
    if found is not None:
        unpack(digest, found)
