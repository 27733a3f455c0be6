"""Which images are sent together."""

from collections.abc import Iterator, Sequence

from vision_grpc.stream.batch import Batch, Config, Entry
from vision_grpc.stream.batch_size import BatchSize

# An image waits for others of its config until so many requests could have been filled since. Measured with images of
# eight configs in turn: each request has all the images that it may have; with 16, half of them.
_REQUESTS_BEHIND = 8


class Group:
    """Images that have come and share a request."""

    __slots__ = ("arrival", "config", "content_bytes", "contents", "entries", "since")

    def __init__(self, config: Config, arrival: int, since: float) -> None:
        self.config: Config = config
        self.arrival: int = arrival
        """The number of its first image among all that have come."""
        self.since: float = since
        """When its first image was asked for."""
        self.entries: list[Entry] = []
        self.contents: list[bytes] = []
        self.content_bytes: int = 0


class Batcher:
    """Gathers images in the order they come, so that each batch fits one request.

    Those of each config gather by themselves, for a request has one. The group whose first image came first leaves
    before it is full when it falls behind, or when there are several and they have more than `most_bytes` together.
    """

    def __init__(self, size: BatchSize, most_bytes: int) -> None:
        self._size = size
        self._most_bytes = most_bytes
        self._groups: dict[Config, Group] = {}
        self._arrivals = self._content_bytes = 0

    def __len__(self) -> int:
        return sum([len(group.entries) for group in self._groups.values()])

    @property
    def first(self) -> Group | None:
        """The group whose first image came first."""
        return next(iter(self._groups.values())) if self._groups else None

    def keys(self) -> Iterator[str]:
        """Yield the keys of the images that have not left."""
        return (key for group in self._groups.values() for _, key, _ in group.entries)

    @property
    def room(self) -> int:
        """How many more images are worth to have: as many as the only group may have, or as a new one may."""
        gathered = len(self.first.entries) if self.first is not None and len(self._groups) == 1 else 0
        return max(1, self._size.images - gathered)

    def add(self, entry: Entry, content: bytes, config: Config, since: float) -> Sequence[Batch]:
        """Take an image that was asked for at a time; return the batches that leave for it, most often none.

        An image that is over the byte budget by itself is sent alone.
        """
        content_bytes = entry[2]
        group = self._groups.get(config)
        left = None
        if group is None or group.content_bytes + content_bytes > self._size.content_bytes:
            left = None if group is None else self._leave(group)
            group = self._groups[config] = Group(config, self._arrivals, since)
        group.entries.append(entry)
        group.contents.append(content)
        group.content_bytes += content_bytes
        self._content_bytes += content_bytes
        self._arrivals += 1
        is_full = len(group.entries) >= self._size.images
        if left is None and not is_full and len(self._groups) == 1:
            return ()
        leaving = [] if left is None else [left]
        if is_full:
            leaving.append(self._leave(group))
        while len(self._groups) > 1 and self._is_behind(first := next(iter(self._groups.values()))):
            leaving.append(self._leave(first))
        return leaving

    def flush(self) -> Batch:
        """Return the images of the first group, of which there is one."""
        return self._leave(next(iter(self._groups.values())))

    def _is_behind(self, first: Group) -> bool:
        come_since = self._arrivals - first.arrival
        return self._content_bytes > self._most_bytes or come_since >= _REQUESTS_BEHIND * self._size.images

    def _leave(self, group: Group) -> Batch:
        del self._groups[group.config]
        self._content_bytes -= group.content_bytes
        return Batch(group.entries, group.contents, group.content_bytes, config=group.config)
