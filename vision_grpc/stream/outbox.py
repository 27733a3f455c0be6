"""Results on their way to the caller."""

from collections.abc import Callable, Iterator

from vision_grpc.results import ImageResult
from vision_grpc.stream.effects import Emit
from vision_grpc.stream.observer import Observer
from vision_grpc.stream.ordering import Sequencer


class Outbox:
    """Holds results until they are emitted: in the order they come or, when `ordered`, in that of their images."""

    def __init__(self, observer: Observer, *, ordered: bool) -> None:
        self._observer = observer
        self._sequencer: Sequencer[ImageResult] | None = Sequencer() if ordered else None
        self._due: list[ImageResult] = []
        self.restores: dict[int, Callable[[ImageResult], ImageResult]] = {}
        """What puts the boxes of a result into the pixels that the caller knows, by the position of its image."""

    @property
    def due(self) -> int:
        """How many results can be emitted."""
        return len(self._due)

    @property
    def early(self) -> int:
        """How many are held back because others come before them."""
        return 0 if self._sequencer is None else len(self._sequencer)

    def add(self, position: int, result: ImageResult) -> None:
        """Take the result of the image at a position."""
        if self.restores and (restore := self.restores.pop(position, None)) is not None:
            result = restore(result)
        if self._sequencer is None:
            self._due.append(result)
        else:
            self._due += self._sequencer.add(position, result)

    def release(self) -> None:
        """Let those that are held back be emitted: the others will not come."""
        if self._sequencer is not None:
            self._due += self._sequencer.flush()

    def emit(self) -> Emit:
        """Return the results that can be emitted, and count them."""
        results, self._due = self._due, []
        self._observer.images_finished(results)
        return Emit(results)

    def keys(self) -> Iterator[str]:
        """Yield the keys of all results that are here; those that are held back are released."""
        self.release()
        return (result.key for result in self._due)
