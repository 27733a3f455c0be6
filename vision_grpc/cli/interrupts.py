"""Signals that end a run: the first one gently, the second one at once."""

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

from vision_grpc.cli.exits import INTERRUPTED
from vision_grpc.cli.stderr import print_line

_SIGNALS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
_STDERR = 2


class Interrupts:
    """Calls `stop` at the first signal, and raises KeyboardInterrupt at the second; `describe` says what is waited for.

    A signal that was ignored when the program started stays ignored, as under nohup.
    """

    def __init__(self, stop: Callable[[], None], describe: Callable[[], str]) -> None:
        self._stop = stop
        self._describe = describe
        self._before: dict[signal.Signals, Any] = {}
        self.number: signal.Signals | None = None
        """The signal that has come, None if there was none."""

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            if (before := signal.getsignal(number)) not in {signal.SIG_IGN, None}:
                self._before[number] = before
                signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    @property
    def exit_code(self) -> int:
        """The exit code that shells give to a program that the signal has ended."""
        return INTERRUPTED if self.number is None else 128 + self.number

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.number is not None:
            # One more signal, while calls are given up and files are closed, ends the program without a word.
            for each in self._before:
                signal.signal(each, signal.SIG_DFL)
            raise KeyboardInterrupt
        self.number = signal.Signals(number)
        again = "Ctrl-C again" if number == signal.SIGINT else "another signal"
        _say(f"{self._describe()}; {again} stops at once")
        self._stop()


def _say(line: str) -> None:
    try:
        print_line(line)
    except RuntimeError:  # The signal has come in the middle of another message.
        os.write(_STDERR, f"\n{line}\n".encode())
