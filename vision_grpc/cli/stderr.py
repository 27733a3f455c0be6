"""Lines for people, on stderr."""

import sys


def tell(line: str) -> None:
    """Print one line on stderr, above the progress bar if there is one.

    Line breaks become blanks, and what a terminal would obey (file names and services can hold
    anything) is shown escaped.
    """
    one_line = " ".join(line.split())
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in one_line)
    # Looked up each time: a progress bar puts itself in its place.
    sys.stderr.write(f"{shown}\n")
