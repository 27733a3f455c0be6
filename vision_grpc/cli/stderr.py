"""Lines for people, on stderr."""

import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDERR = 2


def open_stderr() -> None:
    """Let no trouble with `sys.stderr` be trouble of the command: what is lost with it is for people, not the results.

    It may be closed, a full disk, or a pipe whose reader has left.
    """
    raw = _Heedless(_STDERR, "w", closefd=False)
    # None: it was closed, and the null device has taken its place.
    encoding = "utf-8" if sys.stderr is None else sys.stderr.encoding
    sys.stderr = TextIOWrapper(BufferedWriter(raw), encoding, errors="backslashreplace", line_buffering=True)


def tell(line: str) -> None:
    """Print one line on stderr, above the progress bar if there is one; line breaks become blanks."""
    tell_lines(" ".join(line.split()))


def tell_lines(text: str) -> None:
    """Print lines on stderr as they are.

    What a terminal would obey (file names and services can hold anything) is shown escaped.
    """
    shown = "\n".join(map(_escape, text.splitlines()))
    # Looked up each time: a progress bar puts itself in its place.
    sys.stderr.write(f"{shown}\n")


def _escape(line: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


class _Heedless(FileIO):
    """A file that takes everything; what cannot be written is gone."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            written = super().write(data)
        except OSError:
            written = None
        return len(memoryview(data)) if written is None else written
