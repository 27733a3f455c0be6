"""An object of a store as a file that may be read anywhere: a part at a time, whoever fetches the parts."""

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from vision_grpc.errors import Code, MachineError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PART_BYTES = 8 * 1_048_576
"""How much is fetched at once. One request for the whole would be cut by the store where the reader is slow."""


class ObjectError(OSError):
    """An object that cannot be read, and why."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


def explain_outside(error: Exception) -> tuple[Code, str] | None:
    """Return why a file cannot be read, where this machine or the store is the reason, not what is in the file."""
    if shortage := MachineError.of(error, "cannot be read now"):
        return shortage.code, str(shortage)
    return (error.code, str(error)) if isinstance(error, ObjectError) else None


class ObjectFile(io.RawIOBase):
    """A file of known size whose parts are fetched when they are read; the last one is kept."""

    def __init__(self, fetch: Callable[[int, int], memoryview], size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._position = 0
        self._start = 0
        self._part = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return where the next byte is read."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to another place; nothing is fetched by that."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill the buffer as far as the part that is at hand reaches, and fetch one if there is none.

        Raises:
            ObjectError: the object cannot be read.
        """
        target = memoryview(buffer).cast("B")
        length = min(len(target), self._size - self._position)
        if length <= 0:
            return 0
        at = self._position - self._start
        if not 0 <= at < len(self._part):
            end = min(self._position + max(PART_BYTES, length), self._size)
            self._part = self._fetch(self._position, end)
            self._start, at = self._position, 0
        content = self._part[at : at + length]
        target[: len(content)] = content
        self._position += len(content)
        return len(content)
