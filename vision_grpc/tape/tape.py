"""The tape, as clients use it."""

import logging
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from vision_grpc.tape.entry import EntryError, NewerEntryError, pack, unpack
from vision_grpc.tape.folder import Folder
from vision_grpc.tape.recording import Recording
from vision_grpc.texts.quoting import quote_name, show

if TYPE_CHECKING:
    from vision_grpc.tape.store import Store

_log = logging.getLogger("vision_grpc.tape")

Mode: TypeAlias = Literal["none", "once", "all"]
"""Whether images are sent: none at all, those that are not on the tape, or all, whose answers are recorded anew."""


class Tape:
    """Answers that are kept in a folder: the same image, asked the same, is answered without the service.

    It may be used by several threads and processes at a time, can be pickled, and opens nothing before its first use.
    """

    def __init__(
        self,
        location: str | os.PathLike[str],
        *,
        mode: Mode = "once",
        most_bytes: int | None = None,
        most_age_s: float | None = None,
    ) -> None:
        self.location: str = os.fspath(location)
        self.mode: Mode = mode
        self.most_bytes = most_bytes
        self.most_age_s = most_age_s
        self._store: Store = Folder(self.location)
        self._reported: set[str] = set()

    def __repr__(self) -> str:
        return f"Tape({show(self.location)}, mode={self.mode!r})"

    def find(self, digests: Sequence[str]) -> Sequence[Recording | None]:
        """Return what is on the tape for each digest. What is damaged, or too old, counts as absent.

        Raises:
            TapeError: the place cannot be read, or is not a tape.
        """
        found = zip(digests, self._store.read(digests), strict=True)
        return [None if data is None else self._unpack(digest, data) for digest, data in found]

    def record(self, digest: str, recording: Recording) -> None:
        """Put an answer on the tape, in place of what is there for this digest.

        Raises:
            TapeError: there is no room or no permission, or the place is not a tape.
        """
        self._store.write(digest, pack(digest, recording))

    def _unpack(self, digest: str, data: bytes) -> Recording | None:
        try:
            recording = unpack(digest, data)
        except NewerEntryError:
            return None
        except EntryError as error:
            self._report(self._store.name(digest), error)
            return None
        if self.most_age_s is not None and time.time() - recording.recorded_at > self.most_age_s:
            return None
        return recording

    def _report(self, name: str, error: EntryError) -> None:
        if name not in self._reported:
            self._reported.add(name)
            _log.warning("the tape's entry %s is damaged, and counts as absent: %s", quote_name(name), error)
