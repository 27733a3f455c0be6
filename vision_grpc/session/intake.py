"""The images of a stream: from its source, past its tape."""

from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from vision_grpc.config import Limits
from vision_grpc.session.errand import Errand
from vision_grpc.session.look_ahead import LookAhead
from vision_grpc.sources.image import Pulled

if TYPE_CHECKING:
    from vision_grpc.session.recorder import Recorder


class _Source(Protocol):
    """What gives images to a thread, or to an event loop."""

    @property
    def has_news(self) -> bool: ...
    @property
    def exhausted(self) -> bool: ...
    def want(self, images: int) -> None: ...
    def take(self) -> Sequence[Pulled]: ...


class Intake:
    """Asks a source for the images that a stream wants, and looks them up if there is a tape."""

    def __init__(self, source: _Source, recorder: "Recorder | None", limits: Limits) -> None:
        self._source = source
        self._recorder = recorder
        self._ahead = LookAhead(limits.bytes_in_flight // 2)

    def want(self, images: int) -> None:
        """Ask for so many images; those that the tape has may come beside them."""
        lacking = images if self._recorder is None else self._ahead.want(images)
        if lacking:
            self._source.want(lacking)

    @property
    def has_news(self) -> bool:
        """Whether there is something to `take`: images that are wanted, or the end."""
        return self._source.has_news or self._ahead.has_ready

    def take(self) -> Errand[Sequence[Pulled]]:
        """Return the errand that brings images."""
        if self._recorder is None:
            return Errand((), 0.0, self._source.take)
        if not self._source.has_news:
            return Errand((), 0.0, self._ahead.take)
        images = self._source.take()
        errand = self._recorder.look_up(images)
        return errand._replace(end=partial(self._looked_up, images, errand.end, monotonic()))

    def _looked_up(
        self, images: Sequence[Pulled], end: Callable[[], Sequence[Pulled]], begun: float
    ) -> Sequence[Pulled]:
        self._ahead.looked_up(images, end(), monotonic() - begun)
        return self._ahead.take()

    @property
    def exhausted(self) -> bool:
        """Whether there are no images left to take, now or later."""
        return self._source.exhausted and self._ahead.is_empty

    def left(self) -> Sequence[str]:
        """Return the keys of the images that the source has given and that were not taken."""
        return self._ahead.left()
