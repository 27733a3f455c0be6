"""Signals that end a run: at once, or the first one gently where calls are in flight."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Timer, get_ident
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

from vision_grpc.cli.exits import INTERRUPTED
from vision_grpc.cli.late_signals import handled_soon
from vision_grpc.cli.stderr import print_line

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_SIGNALS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
_STDERR = 2
_AGAIN_AFTER_S = 0.01


class Interrupts:
    """Raises KeyboardInterrupt at a signal; within `gently`, only at the second one.

    A signal that was ignored when the program started stays ignored, as under nohup. Where Python cannot raise what a
    handler raises, as in a finalizer or at the end of an import, it only reports it: the signal is then sent again.
    """

    def __init__(self) -> None:
        self._gentle: tuple[Callable[[], None], Callable[[], str]] | None = None
        self._is_held = False
        self._before: dict[signal.Signals, Any] = {}
        self._number: signal.Signals | None = None
        self._report_lost = sys.unraisablehook
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            if (before := signal.getsignal(number)) not in {signal.SIG_IGN, None}:
                self._before[number] = before
                signal.signal(number, self._handle)
        self._stack.enter_context(handled_soon(self._before))
        self._report_lost, sys.unraisablehook = sys.unraisablehook, self._note_lost
        return self

    def __exit__(self, *_: object) -> None:
        sys.unraisablehook = self._report_lost
        self._stack.close()
        for number, before in self._before.items():
            signal.signal(number, before)
        if self._number is not None:
            # CPython ends by SIGINT, whatever the exit code, once a KeyboardInterrupt has passed through code that it
            # was given as a text, as the import of an extension may do. The next such code makes it forget.
            ctypes.pythonapi.PyRun_SimpleString(b"")

    @contextmanager
    def gently(self, stop: Callable[[], None], describe: Callable[[], str]) -> Generator[None, None, None]:
        """Let the first signal within only call `stop`, in the main thread; `describe` says what is waited for."""
        self._gentle = stop, describe
        try:
            yield
        finally:
            self._gentle = None

    @contextmanager
    def held(self) -> Generator[None, None, None]:
        """Let a signal within take effect at the end: what is made within is then known to the code that removes it."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._number is not None:
            raise KeyboardInterrupt

    @property
    def exit_code(self) -> int:
        """The exit code that shells give to a program that the signal has ended."""
        return INTERRUPTED if self._number is None else 128 + self._number

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        is_first = self._number is None
        self._number = self._number or signal.Signals(number)
        if self._is_held:
            return
        if not is_first or self._gentle is None:
            # One more signal, while calls are given up and files are closed, ends the program without a word.
            for each in self._before:
                signal.signal(each, signal.SIG_DFL)
            raise KeyboardInterrupt
        stop, describe = self._gentle
        again = "Ctrl-C again" if number == signal.SIGINT else "another signal"
        _say(f"{describe()}; {again} stops at once")
        stop()

    def _note_lost(self, lost: "UnraisableHookArgs") -> None:
        if self._number is None or lost.exc_type is not KeyboardInterrupt:
            self._report_lost(lost)
            return
        number, self._number = self._number, None
        for each in self._before:
            signal.signal(each, self._handle)
        # Not here, where it would be lost again.
        again = Timer(_AGAIN_AFTER_S, partial(signal.pthread_kill, get_ident(), number))
        again.daemon = True
        again.start()


def _say(line: str) -> None:
    try:
        print_line(line)
    except RuntimeError:  # The signal has come in the middle of another message.
        os.write(_STDERR, f"\n{line}\n".encode())
