"""A tape in an object store."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from threading import Lock
from typing import TypeVar
from weakref import finalize

from vision_grpc.errors import Advice, Code
from vision_grpc.sources.extras import describe_missing
from vision_grpc.sources.object_file import ObjectError
from vision_grpc.sources.places.store_client import Bucket
from vision_grpc.tape.entry import EntryError
from vision_grpc.tape.errors import NOT_A_TAPE, OTHER_FILES, TapeError, check_service
from vision_grpc.tape.store import MARKER, File, Found, OnKept, Place, marker_of, name_of, service_in
from vision_grpc.texts.quoting import quote_name
from vision_grpc.threads import DaemonThreads, begin_anew_in_children

_T = TypeVar("_T")

_READ_AT_ONCE = 32
_MOST_BYTES = 1 << 30
_REMOVED_AT_ONCE = 1_000
_AWAY_S = 30.0


class BucketStore:
    """A store below a prefix of a bucket. Objects appear whole, and the last one that is written under a key stays.

    A store that cannot be reached is left alone for 30 s, in which each method raises at once.
    """

    def __init__(self, scheme: str, bucket: str, prefix: str) -> None:
        self._place = (scheme, bucket)
        self._prefix = f"{prefix}/" if prefix else ""
        self._url = f"{scheme}://{bucket}/{prefix}".rstrip("/")
        self._bucket: Bucket | None = None
        self._is_tape = False
        self._service: str | None = None
        self._away: tuple[float, str] | None = None
        self.forked()
        begin_anew_in_children(self)

    def forked(self) -> None:
        """Begin anew in a forked child; see `Forkable`."""
        self._threads: DaemonThreads | None = None
        self._lock = Lock()

    def read(self, digests: Sequence[str], least_bytes: int | None = None) -> Sequence[Found]:
        """Return the entry of each digest; see `Store`. They are fetched at the same time, each as a whole."""
        del least_bytes
        with self._explained():
            if not self._find():
                return [None] * len(digests)
            return self._at_once([partial(self._read, self._prefix + name_of(digest)) for digest in digests])

    def service(self) -> str | None:
        """Return the service whose answers are there; see `Store`."""
        with self._explained():
            return self._service if self._find() else None

    def write(self, digest: str, data: bytes, service: str | None = None) -> None:
        """Put an entry there; see `Store`."""
        with self._explained():
            if not self._find():
                self._open().write(self._prefix + MARKER, marker_of(service))
                self._find()  # Another process may have made it at this moment.
            check_service(self._url, self.path_of(MARKER), self._service, service)
            self._open().write(self._prefix + name_of(digest), data)

    def files(self) -> Iterator[File]:
        """Yield what is below the prefix, but the marker; see `Store`."""
        with self._explained():
            if self._look() is not Place.TAPE:
                raise TapeError(NOT_A_TAPE.format(quote_name(self._url)))
            yield from self._walk()

    def remove(self, files: Iterable[File], on_kept: OnKept) -> None:
        """Remove objects; see `Store`. They can be removed or not all alike."""
        del on_kept
        keys = (self._prefix + file.name for file in files)
        with self._explained():
            while some := [*islice(keys, _REMOVED_AT_ONCE)]:
                self._open().remove(some)

    def path_of(self, name: str) -> str:
        """Return the URL of an object."""
        return f"{self._url}/{name}"

    def _read(self, key: str) -> Found:
        try:
            found = self._open().read(key, _MOST_BYTES)
        except ObjectError as error:
            if error.code is Code.NOT_FOUND:
                return None
            raise
        return found if isinstance(found, bytes) else EntryError("it is larger than any answer")

    def _open(self) -> Bucket:
        if self._bucket is None:
            self._bucket = Bucket(*self._place)
        return self._bucket

    def _find(self) -> bool:
        """Return whether this is a tape, and not a place that may become one; raises TapeError if it is another."""
        if not self._is_tape:
            place = self._look()
            if place is Place.TAKEN:
                advice = [Advice("name a prefix below which there is nothing")]
                raise TapeError(OTHER_FILES.format(quote_name(self._url)), advice=advice)
            self._is_tape = place is Place.TAPE
        return self._is_tape

    def _look(self) -> Place:
        if self._has_marker():
            return Place.TAPE
        if (first := next(self._walk(), None)) is None:
            return Place.FREE
        # Another process that makes the tape at this moment begins with the marker.
        return Place.TAPE if first.is_of_a_tape or self._has_marker() else Place.TAKEN

    def _has_marker(self) -> bool:
        marker = self._read(self._prefix + MARKER)
        self._service = service_in(marker) if isinstance(marker, bytes) else None
        return marker is not None

    def _walk(self) -> Iterator[File]:
        for found in self._open().list(self._prefix):
            name = found.key.removeprefix(self._prefix)
            # Consoles make folders as empty objects, whose slash obstore leaves out.
            if name != MARKER and f"{found.key}/" != self._prefix:
                yield File(name, found.size, found.written_at)

    def _at_once(self, jobs: Sequence[Callable[[], _T]]) -> Sequence[_T]:
        """Return what the jobs return, done in threads, as each waits for the network."""
        if len(jobs) <= 1:
            return [job() for job in jobs]
        with self._lock:
            if self._threads is None:
                self._threads = DaemonThreads("vision-grpc-tape", count=_READ_AT_ONCE)
                finalize(self, self._threads.end)
            threads = self._threads
        return [future.result() for future in [*map(threads.submit, jobs)]]

    @contextmanager
    def _explained(self) -> Generator[None]:
        """Raise a TapeError in place of that of the store."""
        if self._away is not None and time.monotonic() < self._away[0]:
            raise TapeError(self._away[1])
        try:
            yield
        except ImportError as error:
            message = f"the tape {quote_name(self._url)}: {describe_missing(error, 's3')}"
            raise TapeError(message) from error
        except ObjectError as error:
            message = f"the tape {quote_name(self._url)}: {error}"
            if error.code is Code.UNAVAILABLE:
                self._away = time.monotonic() + _AWAY_S, message
            raise TapeError(message) from error
