"""Count what is on a tape."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from vision_grpc.tape.entry import HEAD_BYTES, EntryError, Header, NewerEntryError, read_header
from vision_grpc.tape.store import File, Found, OnProgress, Store, in_groups


class Kind(NamedTuple):
    """What entries are answers of."""

    api: str
    model: str


@dataclass(slots=True)
class Sum:
    """How many entries, and how large they are together."""

    entries: int = 0
    total_bytes: int = 0

    def add(self, size: int) -> None:
        """Count an entry."""
        self.entries += 1
        self.total_bytes += size


@dataclass(slots=True)
class Stats:
    """What is on a tape."""

    service: str | None = None
    """Whose answers they are: the name of a host, `local` for this machine; None where the tape does not say."""
    all: Sum = field(default_factory=Sum)
    by_kind: Mapping[Kind, Sum] = field(default_factory=dict[Kind, Sum])
    """Sums for each API and model, those with the most entries first."""
    damaged: Sum = field(default_factory=Sum)
    """Those of `all` whose beginning is not that of an entry; `Tape.verify` looks at the rest, too."""
    newer: Sum = field(default_factory=Sum)
    """Those of `all` that a later version of this package has written."""
    leftovers: Sum = field(default_factory=Sum)
    """Halves of entries, which are being written or whose writers were killed."""
    others: Sum = field(default_factory=Sum)
    """Files that are not of a tape."""
    oldest_at: float | None = None
    """When the oldest entry was written, in seconds since 1970 (UTC); None where there are no entries."""
    newest_at: float | None = None


def take_census(store: Store, on_progress: OnProgress) -> Stats:
    """Return what is on a tape, read from the beginning of each entry. Memory does not grow with it."""
    stats = Stats()
    by_kind: defaultdict[Kind, Sum] = defaultdict(Sum)
    for group in in_groups(store.files()):
        entries: list[tuple[File, str]] = []
        for file in group:
            if (digest := file.digest) is not None and file.problem:
                _count(stats, file)
                stats.damaged.add(file.size)
            elif digest is not None:
                entries.append((file, digest))
            else:
                (stats.leftovers if file.is_temporary else stats.others).add(file.size)
        found = store.read([digest for _, digest in entries], HEAD_BYTES)
        for (file, digest), head in zip(entries, found, strict=True):
            _count(stats, file)
            try:
                header = _header_of(store, digest, head)
            except NewerEntryError:
                stats.newer.add(file.size)
            except EntryError:
                stats.damaged.add(file.size)
            else:
                if header is not None:
                    by_kind[Kind(header.api, header.model)].add(file.size)
        on_progress(stats.all.entries)
    stats.service = store.service()
    stats.by_kind = dict(sorted(by_kind.items(), key=lambda each: (-each[1].entries, each[0])))
    return stats


def _count(stats: Stats, file: File) -> None:
    stats.all.add(file.size)
    at = file.written_at
    stats.oldest_at = at if stats.oldest_at is None else min(stats.oldest_at, at)
    stats.newest_at = at if stats.newest_at is None else max(stats.newest_at, at)


def _header_of(store: Store, digest: str, head: Found) -> Header | None:
    """Return the header of an entry; None where it was removed meanwhile."""
    if head is None:
        return None
    if isinstance(head, EntryError):
        raise head
    header = read_header(head)
    if header is None and len(head) >= HEAD_BYTES:
        [whole] = store.read([digest])
        header = read_header(whole) if isinstance(whole, bytes) else None
    if header is None:
        message = "it was cut within its header"
        raise EntryError(message)
    return header
