"""A file that is written to as fast as its reader reads."""

from io import FileIO
from selectors import EVENT_WRITE, DefaultSelector
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class PatientFile(FileIO):
    """A file that waits where it is a full pipe, even if whoever shares the pipe has made it non-blocking."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Return how many bytes the system took, which may be fewer than there are.

        Raises:
            OSError: it takes none.
        """
        while (written := super().write(data)) is None:
            with DefaultSelector() as selector:
                selector.register(self, EVENT_WRITE)
                selector.select()
        return written
