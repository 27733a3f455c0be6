"""The descriptors of stdin, stdout and stderr."""

import os

# Not what each is for, so that reading stdin or writing stdout fails as it does while they are closed. What is lost
# with stderr is for people.
_STDIN_STDOUT_STDERR = (os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)


def fill_closed() -> None:
    """Let the null device take each of the descriptors that is closed: the next file opened would get it instead.

    What is printed would go into that file then. The streams in `sys` stay None.
    """
    for descriptor, mode in enumerate(_STDIN_STDOUT_STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            # It gets the lowest descriptor that is free: this one, for those below are taken.
            os.open(os.devnull, mode)
