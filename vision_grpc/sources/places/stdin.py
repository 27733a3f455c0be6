"""stdin in place of a file: an image, a list or a manifest."""

import sys
from io import BufferedReader, UnsupportedOperation
from typing import cast

STDIN = "-"
"""The name that stands for it."""


def open_stdin() -> BufferedReader:
    """Return the bytes of stdin.

    Raises:
        OSError: stdin is closed.
    """
    if sys.stdin is None:
        raise OSError(None, "stdin is closed")
    stream = cast("BufferedReader", sys.stdin.buffer)
    try:
        # Not Python's own reader: as the interpreter ends it waits for the lock of that, and aborts while a thread
        # still reads.
        return open(stream.fileno(), "rb", closefd=False)
    except UnsupportedOperation:  # A program has put something else in its place.
        return stream
