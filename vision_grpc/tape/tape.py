"""The tape, as clients use it."""

import logging
import os
import time
from collections.abc import Sequence
from functools import partial
from typing import Literal, TypeAlias, get_args

from vision_grpc.tape.census import Stats, take_census
from vision_grpc.tape.entry import EntryError, NewerEntryError, pack, unpack
from vision_grpc.tape.errors import check_service
from vision_grpc.tape.location import open_place, place_of
from vision_grpc.tape.prune import Pruned, prune
from vision_grpc.tape.recording import Recording
from vision_grpc.tape.store import MARKER, Found, OnProgress, name_of, show_nothing
from vision_grpc.tape.upkeep import Upkeep
from vision_grpc.tape.verify import Finding, OnFinding, Verified, verify
from vision_grpc.texts.arguments import check_choice, check_count, check_seconds, check_whole
from vision_grpc.texts.quoting import quote_name

_log = logging.getLogger("vision_grpc.tape")

Mode: TypeAlias = Literal["none", "once", "all"]
"""Which images are sent: none, those that are not on the tape, or all, whose answers are recorded anew."""

_MOST_REPORTED = 1_000


def _pass(finding: Finding) -> None:
    del finding


class Tape:
    """Answers that are kept in a folder or a store: an image that is asked the same again is not sent again.

    Any number of threads and processes may use it. It can be pickled, and opens nothing before its first use. With
    limits, entries that were written first go first, now and then while answers are recorded.

    Raises:
        ValueError: the place is not one, or has a secret in it, or another argument has no meaning.
    """

    def __init__(
        self,
        location: str | os.PathLike[str],
        *,
        mode: Mode = "once",
        most_bytes: int | None = None,
        most_age_s: float | None = None,
    ) -> None:
        check_choice("mode", mode, get_args(Mode))
        self.location: str = place_of(location)
        """An absolute path, or the URL of a store."""
        self.mode: Mode = mode
        self.most_bytes: int | None = None if most_bytes is None else check_count("most_bytes", most_bytes)
        self.most_age_s: float | None = None if most_age_s is None else check_seconds("most_age_s", most_age_s)
        self._store = open_place(self.location)
        self._upkeep = Upkeep(self._store, self.most_bytes, self.most_age_s)
        self._reported: set[str] = set()

    def __repr__(self) -> str:
        limits = "".join(
            f", {name}={value:g}"
            for name, value in (("most_bytes", self.most_bytes), ("most_age_s", self.most_age_s))
            if value is not None
        )
        return f"Tape({self.location!r}, mode={self.mode!r}{limits})"

    def __reduce__(self) -> tuple[object, ...]:
        mode, most_bytes, most_age_s = self.mode, self.most_bytes, self.most_age_s
        return partial(type(self), mode=mode, most_bytes=most_bytes, most_age_s=most_age_s), (self.location,)

    def find(self, digests: Sequence[str]) -> Sequence[Recording | None]:
        """Return what is on the tape for each digest. What is damaged, too old, or of a later version is not there.

        Raises:
            TapeError: the place cannot be read, or is not a tape.
        """
        found = zip(digests, self._store.read(digests), strict=True)
        return [None if data is None else self._unpack(digest, data) for digest, data in found]

    def check_service(self, service: str) -> None:
        """Check that the answers on the tape, if there are any, are not known to be those of another service.

        Raises:
            TapeError: they are, or the place cannot be read, or is not a tape.
        """
        check_service(self.location, self._store.path_of(MARKER), self._store.service(), service)

    def record(self, digest: str, recording: Recording, *, service: str | None = None) -> None:
        """Put an answer on the tape, in place of what is there for this digest.

        `service` is the name of what has answered. The first answer makes the tape that of its service; one whose first
        answer had none is of any service.

        Raises:
            TapeError: there is no room or no permission, the place is not a tape, or is that of another service.
        """
        data = pack(digest, recording)
        self._store.write(digest, data, service)
        self._upkeep.wrote(len(data))

    def stats(self, on_progress: OnProgress = show_nothing) -> Stats:
        """Return what is on the tape; `on_progress` is called with the number of entries that were looked at.

        Raises:
            TapeError: the place cannot be read, or is not a tape.
        """
        return take_census(self._store, on_progress)

    def prune(
        self,
        *,
        most_bytes: int | None = None,
        most_age_s: float | None = None,
        dry_run: bool = False,
        on_progress: OnProgress = show_nothing,
    ) -> Pruned:
        """Remove the entries that were written first, and what killed writers have left; return what was removed.

        The limits are those of the tape where they are not given. With `dry_run`, nothing is removed.

        Raises:
            TapeError: the place cannot be read or changed, or is not a tape.
        """
        return prune(
            self._store,
            most_bytes=self.most_bytes if most_bytes is None else check_whole("most_bytes", most_bytes, may_be_0=True),
            most_age_s=self.most_age_s if most_age_s is None else check_seconds("most_age_s", most_age_s),
            dry_run=dry_run,
            on_progress=on_progress,
        )

    def verify(
        self,
        *,
        remove: bool = False,
        on_finding: OnFinding = _pass,
        on_progress: OnProgress = show_nothing,
    ) -> Verified:
        """Read all entries, and return how many are damaged; with `remove`, they are removed.

        `on_finding` is called with each one that is damaged, and with each file that is not of a tape.

        Raises:
            TapeError: the place cannot be read or changed, or is not a tape.
        """
        return verify(self._store, remove=remove, on_finding=on_finding, on_progress=on_progress)

    def _unpack(self, digest: str, found: Found) -> Recording | None:
        try:
            if isinstance(found, EntryError):
                raise found
            recording = None if found is None else unpack(digest, found)
        except NewerEntryError:
            return None
        except EntryError as error:
            self._report(self._store.path_of(name_of(digest)), error)
            return None
        if recording is None or self._is_too_old(recording):
            return None
        return recording

    def _is_too_old(self, recording: Recording) -> bool:
        return self.most_age_s is not None and time.time() - recording.recorded_at > self.most_age_s

    def _report(self, path: str, error: EntryError) -> None:
        """Log what is wrong with an entry, once."""
        if path not in self._reported and len(self._reported) < _MOST_REPORTED:
            self._reported.add(path)
            _log.warning("the entry %s of the tape counts as absent: %s", quote_name(path), error)
