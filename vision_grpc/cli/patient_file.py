"""A file that is written as fast as its reader reads."""

from io import FileIO
from selectors import EVENT_WRITE, DefaultSelector
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class PatientFile(FileIO):
    """A file that waits for a full pipe, even if another process has made the pipe non-blocking."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write data and return how many bytes were written, which may be fewer than given.

        Raises:
            OSError: the file cannot be written.
        """
        while (written := super().write(data)) is None:
            with DefaultSelector() as selector:
                selector.register(self, EVENT_WRITE)
                selector.select()
        return written
