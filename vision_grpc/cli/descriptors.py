"""The descriptors of stdin, stdout and stderr."""

import os

# Modes in which reading stdin or writing stdout fails, as it does while they are closed. stderr is only for people,
# so what is written to it may be lost.
_STDIN_STDOUT_STDERR = (os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)


def fill_closed() -> None:
    """Open the null device on each of the three descriptors that is closed.

    Otherwise the next file that is opened would get the descriptor, and with it what is printed. The
    streams in `sys` stay None.
    """
    for descriptor, mode in enumerate(_STDIN_STDOUT_STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            # A new file gets the lowest free descriptor, which is this one.
            os.open(os.devnull, mode)
