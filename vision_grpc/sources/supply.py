"""Images for a thread: taken from a source when they are wanted."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from time import monotonic

from vision_grpc.config import Limits
from vision_grpc.sources.ahead import ReadAhead
from vision_grpc.sources.files import PATIENCE_S, ImageSource, Source, read_image
from vision_grpc.sources.image import Pulled


def supply(images: Iterable[ImageSource], limits: Limits, on_news: Callable[[], None]) -> "Supply":
    """Return what takes images from a source; `on_news` is called, in any thread, when `has_news` becomes true.

    What threads read ahead is taken when it is ready. Any other source is pulled in place, which may block.
    """
    if isinstance(images, ReadAhead):
        return _AheadSupply(images, limits, on_news)
    return _PulledSupply(images, limits)


class Supply(ABC):
    """A source, and how many of its images are wanted."""

    exhausted = False
    """Whether there are no images left to take, now or later."""

    error: BaseException | None = None
    """What ended the source; it is to be raised when all images have their results."""

    def __init__(self) -> None:
        self._wanted = 0

    def want(self, images: int) -> None:
        """Ask for so many images."""
        self._wanted = images

    @property
    @abstractmethod
    def has_news(self) -> bool:
        """Whether there is something to `take`: images that are wanted, or the end."""

    @abstractmethod
    def take(self) -> Sequence[Pulled]:
        """Return the images wanted, or as many as come soon."""

    def wakes_at(self, until: float | None) -> float | None:
        """Return until when to wait for news at most, where all else may wait until a time."""
        return until

    def close(self) -> None:  # noqa: B027 - what is pulled needs nothing
        """Stop listening to the source, which belongs to the caller and stays open."""


class _PulledSupply(Supply):
    """Pulls, and reads files, when images are taken."""

    def __init__(self, images: Iterable[ImageSource], limits: Limits) -> None:
        super().__init__()
        self._source = Source(images, limits)

    @property
    def has_news(self) -> bool:
        return self._wanted > 0

    def take(self) -> Sequence[Pulled]:
        images, self._wanted = self._source.pull(self._wanted), 0
        self.exhausted, self.error = self._source.exhausted, self._source.error
        return images


class _AheadSupply(Supply):
    """Takes what threads have made ready; a whole batch is worth a little patience."""

    def __init__(self, images: ReadAhead, limits: Limits, on_news: Callable[[], None]) -> None:
        super().__init__()
        self._images = images
        self._limits = limits
        self._on_news = on_news
        self._enough = 0
        self._patient_until = 0.0
        self._position = 0
        # For each wish, news is reported once.
        self._wish = self._reported = 0
        images.limit(limits)
        images.listen(self._listen)

    def want(self, images: int) -> None:
        self._enough = images
        self._patient_until = monotonic() + PATIENCE_S
        self._wish += 1
        super().want(images)
        self._images.start()

    @property
    def has_news(self) -> bool:
        return self._wanted > 0 and (self._images.ready >= self._enough or self._images.is_over)

    def take(self) -> Sequence[Pulled]:
        images = [
            read_image(image, self._position + number, self._limits)
            for number, image in enumerate(self._images.take(self._wanted))
        ]
        self._wanted = 0
        self._position += len(images)
        if self._images.is_over:
            self.exhausted, self.error = True, self._images.error
        return images

    def wakes_at(self, until: float | None) -> float | None:
        if not self._wanted:
            return until
        now = monotonic()
        looks_at = self._images.look(now)
        if now >= self._patient_until:
            self._enough = 1
        else:
            looks_at = min(looks_at, self._patient_until)
        if self.has_news:
            return now
        return looks_at if until is None else min(until, looks_at)

    def close(self) -> None:
        self._images.listen(None)

    def _listen(self) -> None:
        wish = self._wish
        if self._reported != wish and self.has_news:
            self._reported = wish
            self._on_news()
