"""Images that are looked up on the tape before the stream wants them, where looking up takes long."""

from collections import deque
from collections.abc import Sequence

from vision_grpc.sources.image import HAVE_RESULTS, Image, Pulled

MOST_IMAGES = 32
"""How many images are looked up at the same time at most: a store answers them together as soon as one."""

_QUICK_S = 0.005
# From one image to many in three steps, so that the first result does not wait for many.
_GROWTH = 4


class LookAhead:
    """What was looked up and not taken yet, and how many images are to be looked up at the same time.

    Images that are to be sent come only as they are wanted, so that no more of them are sent at the same time than
    without a tape. Those that the tape has come with them at once, in the order of the source.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._ready: deque[Pulled] = deque()
        self._wanted = 0
        self._at_once = 0

    def want(self, images: int) -> int:
        """Take that so many images are wanted; return how many are to be looked up, none while some are ready."""
        self._wanted = images
        return 0 if self._ready else max(images, self._at_once)

    @property
    def has_ready(self) -> bool:
        """Whether something is ready that is wanted."""
        return self._wanted > 0 and bool(self._ready)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to take."""
        return not self._ready

    def looked_up(self, images: Sequence[Pulled], placed: Sequence[Pulled], took_s: float) -> None:
        """Take what has come of images, and how long it took."""
        self._ready += placed
        if took_s < _QUICK_S or not images:
            self._at_once = 0
            return
        mean = sum([len(image.content) for image in images if isinstance(image, Image)]) / len(images)
        room = MOST_IMAGES if mean == 0 else int(self._most_bytes / mean)
        self._at_once = min(_GROWTH * len(images), room, MOST_IMAGES)

    def take(self) -> Sequence[Pulled]:
        """Return the next images: at most as many to be sent as are wanted, and those between and after them."""
        taken: list[Pulled] = []
        while self._ready and (self._wanted or isinstance(self._ready[0], HAVE_RESULTS)):
            image = self._ready.popleft()
            self._wanted -= not isinstance(image, HAVE_RESULTS)
            taken.append(image)
        self._wanted = 0
        return taken

    def left(self) -> Sequence[str]:
        """Return the keys of the images that are not taken."""
        return [image.key for image in self._ready]
