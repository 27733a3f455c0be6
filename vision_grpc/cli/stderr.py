"""Messages on stderr."""

import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDERR = 2


def open_stderr() -> None:
    """Make `sys.stderr` ignore errors: messages may be lost, but the command goes on.

    stderr may be closed, on a full disk, or a pipe whose reader has left.
    """
    raw = _LossyFile(_STDERR, "w", closefd=False)
    # None: it was closed, and the null device has taken its place.
    encoding = "utf-8" if sys.stderr is None else sys.stderr.encoding
    sys.stderr = TextIOWrapper(BufferedWriter(raw), encoding, errors="backslashreplace", line_buffering=True)


def print_line(line: str) -> None:
    """Print one line on stderr, above the progress bar if there is one; line breaks become blanks."""
    print_lines(join_lines(line))


def with_notes(line: str, error: BaseException | None) -> str:
    """Return a line about an error with the notes of the error."""
    return "; ".join([line, *getattr(error, "__notes__", ())])


def join_lines(text: str) -> str:
    """Return a text as one line. Blanks stay, as they may be part of a name."""
    return " ".join(filter(None, map(str.strip, text.splitlines())))


def print_lines(text: str) -> None:
    """Print lines on stderr as they are.

    Control characters are escaped: names of files and answers of services may contain any.
    """
    shown = "\n".join(map(escape, text.splitlines()))
    # Looked up each time, because a progress bar replaces it.
    sys.stderr.write(f"{shown}\n")


def escape(line: str) -> str:
    """Return a line whose control characters are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


class _LossyFile(FileIO):
    """A file that ignores errors: what cannot be written is lost."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            written = super().write(data)
        except OSError:
            written = None
        return len(memoryview(data)) if written is None else written
