"""Read all of a tape, and find what is damaged."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from vision_grpc.tape.entry import EntryError, NewerEntryError, unpack
from vision_grpc.tape.store import File, Found, OnProgress, Store, in_groups


class Finding(NamedTuple):
    """Something on a tape that is not a whole entry."""

    path: str
    reason: str
    is_entry: bool
    """Whether it is in the place of an entry; what is not is never removed."""


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
    done = Verified()
    for group in in_groups(store.files()):
        entries: list[tuple[File, str]] = []
        for file in group:
            if (digest := file.digest) is not None:
                entries.append((file, digest))
            elif not file.is_temporary:
                done.others += 1
                on_finding(Finding(store.path_of(file.name), "it is not a file of a tape", is_entry=False))
        damaged: list[File] = []
        for (file, digest), found in zip(entries, store.read([digest for _, digest in entries]), strict=True):
            done.entries += 1
            done.total_bytes += file.size
            try:
                _check(digest, found)
            except NewerEntryError:
                done.newer += 1
            except EntryError as error:
                damaged.append(file)
                on_finding(Finding(store.path_of(file.name), str(error), is_entry=True))
        done.damaged += len(damaged)
        if remove and damaged:
            store.remove(damaged)
            done.removed += len(damaged)
        on_progress(done.entries)
    return done


def _check(digest: str, found: Found) -> None:
    """Raise EntryError if an entry is damaged; nothing is one that was removed meanwhile."""
    if isinstance(found, EntryError):
        raise found
    if found is not None:
        unpack(digest, found)
