"""The process that something was begun in: where it goes on, and where nothing of it may be touched."""

import os
import sys


class Process:
    """This process, and whether it is still there for what was begun in it.

    A forked child has the sockets and locks of its parent, but not the threads that serve them. As the interpreter
    ends, its daemon threads stop wherever they are, with locks in their hands.
    """

    def __init__(self) -> None:
        self._id = os.getpid()

    @property
    def is_this(self) -> bool:
        """Whether the caller runs in this process, not in a forked child."""
        return self._id == os.getpid()

    @property
    def has_threads(self) -> bool:
        """Whether the threads that serve calls run; without them, a lock of theirs may never be released."""
        return self.is_this and not sys.is_finalizing()

    def check_stream(self) -> None:
        """Raise RuntimeError where a stream cannot go on. It is asked after each image."""
        if self._id != os.getpid():
            message = "this stream was begun in the parent process, which gets its results: begin another one here"
            raise RuntimeError(message)
        check_interpreter()


def check_interpreter() -> None:
    """Raise RuntimeError when the interpreter is ending: a finalizer would wait for ever for an answer."""
    if sys.is_finalizing():
        message = "the interpreter is ending: its threads have stopped, and no call can be made any more"
        raise RuntimeError(message)
