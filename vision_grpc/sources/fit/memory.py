"""The memory that pictures take while they are fitted, side by side in several threads."""

from collections.abc import Generator
from contextlib import contextmanager
from threading import Condition, Lock

from vision_grpc.sources.time_limit import uncounted
from vision_grpc.threads import begin_anew_in_children

BYTES_PER_PIXEL = 20
"""Measured, the peak of the process for noise that is scaled and encoded: RGB 9 to 12, 16 bits 11, CMYK and LAB 13,
transparent PNG 12 to 17, WebP 17 to 20."""

_MOST_BYTES = 2**30


class PictureMemory:
    """Lets pictures be decoded side by side as long as they take so many bytes together; a larger one, alone.

    They get their turn in the order in which they come, so that small ones do not keep a large one waiting.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self.forked()
        begin_anew_in_children(self)

    def forked(self) -> None:
        """Begin anew in a forked child; see `Forkable`. What is decoded in the parent is not held here."""
        self._turn = Lock()
        self._freed = Condition()
        self.held_bytes: int = 0

    @contextmanager
    def held_for(self, pixels: int) -> Generator[None]:
        """Wait until there is memory for so many pixels, and hold it while this is open."""
        wanted = pixels * BYTES_PER_PIXEL
        with uncounted(), self._turn, self._freed:
            self._freed.wait_for(lambda: not self.held_bytes or self.held_bytes + wanted <= self._most_bytes)
            self.held_bytes += wanted
        try:
            yield
        finally:
            with self._freed:
                self.held_bytes -= wanted
                self._freed.notify()


picture_memory: PictureMemory = PictureMemory()
