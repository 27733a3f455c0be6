"""stdin in place of a file: an image, a list or a manifest."""

import sys
from io import BufferedReader
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
    return cast("BufferedReader", sys.stdin.buffer)
