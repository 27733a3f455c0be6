"""What ends the service: a signal, or the end of its standard input."""

import os
import select
import signal
import socket
import stat
import sys
import threading
from pathlib import Path
from types import FrameType

import click

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_STDIN = 0
# Signals are told by their numbers, which begin at 1.
_STDIN_CLOSED = 0
_READ_BYTES = 65536


class Ending:
    """Waits for what ends the service. A second signal ends the program at once."""

    def __init__(self) -> None:
        self._asked, wakeup = socket.socketpair()
        wakeup.setblocking(False)  # noqa: FBT003 - the socket module's own
        self._wakeup = wakeup.detach()
        # The kernel may interrupt any thread. Python's handler runs in the main thread, but ends no wait for a lock or
        # an event there. The interrupted thread writes to the socket, which wakes the main thread.
        signal.set_wakeup_fd(self._wakeup)

        def end(_number: int, _frame: FrameType | None) -> None:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)

        for number in _SIGNALS:
            signal.signal(number, end)

    def watch_stdin(self) -> None:
        """End the service when standard input does, from now on.

        Raises:
            click.ClickException: it has ended already, or will not when the starting program does.
        """
        if problem := _problem_of_stdin():
            message = (
                f"--until-stdin-closes: standard input is {problem}; start the service with a pipe there, "
                "and keep the other end open"
            )
            raise click.ClickException(message)
        threading.Thread(target=self._read_stdin, name="vision-stdin", daemon=True).start()

    def wait(self) -> str:
        """Return what asks for the end, in words, once it comes."""
        number = self._asked.recv(1)[0]
        return "standard input has closed" if number == _STDIN_CLOSED else signal.Signals(number).name

    def _read_stdin(self) -> None:
        # What is written there is thrown away: only the end counts.
        while True:
            try:
                # The starting program may have made its file non-blocking, which both share.
                select.select([_STDIN], [], [])
                if os.read(_STDIN, _READ_BYTES):
                    continue
            except BlockingIOError:
                continue
            except OSError:
                pass  # A socket that was reset, a terminal that was hung up.
            os.write(self._wakeup, bytes([_STDIN_CLOSED]))
            return


def end_at_last(after_s: float, code: int) -> None:
    """End the process after so long in any case: a supervisor may kill it soon."""
    timer = threading.Timer(after_s, os._exit, [code])
    timer.daemon = True
    timer.start()


def _problem_of_stdin() -> str | None:
    """Return why the end of standard input says nothing; None if it does say when the starting program ends."""
    if sys.stdin is None:  # Python's own check, made before another file could take the number.
        return "closed"
    about = os.fstat(_STDIN)
    if stat.S_ISFIFO(about.st_mode) or stat.S_ISSOCK(about.st_mode) or os.isatty(_STDIN):
        return None
    if os.path.samestat(about, Path(os.devnull).stat()):
        return os.devnull
    return "a file" if stat.S_ISREG(about.st_mode) else "no pipe"
