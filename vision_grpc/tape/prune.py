"""Make a tape smaller: what was written first goes first."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from vision_grpc.tape.ages import Ages
from vision_grpc.tape.store import File, OnProgress, Store, show_nothing

# A write takes moments: what is older was left by a process that was killed.
_LEFT_AFTER_S = 600.0
_PROGRESS_EACH = 1_000


@dataclass(slots=True)
class Pruned:
    """What was removed from a tape, or would be, and what is left."""

    removed_entries: int = 0
    removed_bytes: int = 0
    removed_leftovers: int = 0
    """Halves of entries whose writers were killed."""
    unremoved: int = 0
    """Files that were to go, and for which permission is denied; `removed_entries` does not count them."""
    unremoved_path: str = ""
    """The first of them."""
    kept_entries: int = 0
    kept_bytes: int = 0


def prune(
    store: Store,
    *,
    most_bytes: int | None,
    most_age_s: float | None,
    dry_run: bool = False,
    on_progress: OnProgress = show_nothing,
) -> Pruned:
    """Remove what is too old, then the oldest of what is too much; return what was removed. See `Tape.prune`.

    The age of an entry is that of its file: when it was last read is not known, as file systems seldom note it and
    stores never do. Memory does not grow with the tape, which is listed a second time where it is too large.
    """
    work = _Prune(store, most_age_s, on_progress, dry_run=dry_run)
    work.remove(work.too_old())
    if most_bytes is not None and work.ages.total > most_bytes:
        work.remove(work.too_much(work.ages.total - most_bytes))
    return work.done


class _Prune:
    def __init__(self, store: Store, most_age_s: float | None, on_progress: OnProgress, *, dry_run: bool) -> None:
        self.done = Pruned()
        self.ages = Ages()
        self._store = store
        self._now = time.time()
        self._since = float("-inf") if most_age_s is None else self._now - most_age_s
        self._on_progress = on_progress
        self._dry_run = dry_run

    def remove(self, files: Iterator[File]) -> None:
        """Remove files."""
        if self._dry_run:
            for _ in files:
                pass
        else:
            self._store.remove(files, self._kept)

    def _kept(self, file: File, reason: str) -> None:
        """Take that a file could not be removed."""
        del reason
        done = self.done
        done.unremoved += 1
        done.unremoved_path = done.unremoved_path or self._store.path_of(file.name)
        if file.is_temporary:
            done.removed_leftovers -= 1
        else:
            done.removed_entries -= 1
            done.removed_bytes -= file.size
            done.kept_entries += 1
            done.kept_bytes += file.size

    def too_old(self) -> Iterator[File]:
        """Yield what is too old, and what was left by writers; count the rest."""
        for number, file in enumerate(self._store.files(), start=1):
            if number % _PROGRESS_EACH == 0:
                self._on_progress(number)
            if file.problem:
                continue
            if file.is_temporary:
                if file.written_at < self._now - _LEFT_AFTER_S:
                    self.done.removed_leftovers += 1
                    yield file
            elif file.digest is not None:
                if file.written_at < self._since:
                    yield self._gone(file)
                else:
                    self.ages.add(file.written_at, file.size)
                    self.done.kept_entries += 1
                    self.done.kept_bytes += file.size

    def too_much(self, excess: int) -> Iterator[File]:
        """Yield the oldest entries that have so many bytes together."""
        oldest = self.ages.oldest(excess)
        for file in self._store.files():
            is_counted = file.digest is not None and not file.problem and file.written_at >= self._since
            if is_counted and oldest.has(file.written_at, file.size):
                self.done.kept_entries -= 1
                self.done.kept_bytes -= file.size
                yield self._gone(file)

    def _gone(self, file: File) -> File:
        self.done.removed_entries += 1
        self.done.removed_bytes += file.size
        return file
