"""What a person sees of a run while it goes on: a line at the bottom of a terminal, or a line now and then."""

import os
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Self, TextIO, cast

from rich.console import Console
from rich.text import Text

from vision_grpc.bulk.progress import Snapshot
from vision_grpc.cli.output import Output
from vision_grpc.cli.status import status_line, status_pieces
from vision_grpc.cli.stderr import print_line

_REFRESH_S = 0.25
_TICK_S = 1.0
_FIRST_LINE_S = 3.0
_LINES_S = ((600.0, 60.0), (60.0, 30.0), (0.0, 10.0))
"""From so many seconds on, so much time is between two lines."""

_ERASE = "\r\x1b[J"
_LEAST_WIDTH = 8


def show_progress(
    look: Callable[[], Snapshot], *, wanted: bool | None, quiet: bool, output_is_terminal: bool
) -> "Display":
    """Return the display for a run, as a context: a line that changes on a terminal, lines in a file or a pipe.

    `look` is called every second or more often, in another thread. `wanted` is what the user says, None if the user
    says nothing: then nothing is shown with `quiet`, or where results appear on a terminal.
    """
    if not (wanted or (wanted is None and not quiet and not output_is_terminal)):
        return Display(look)
    return Bar(look) if _can_move_cursor(sys.stderr) else Lines(look)


class Display:
    """Shows nothing. It looks at the run all the same, which is how the pace is known."""

    _interval_s = _TICK_S

    def __init__(self, look: Callable[[], Snapshot]) -> None:
        self._look = look
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._show(self._look())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @contextmanager
    def room_for(self, _output: Output) -> Generator[None]:
        """Take the display off the screen while results are written, if that is where they go."""
        yield

    def _run(self) -> None:
        while not self._ended.wait(self._interval_s):
            self._show(self._look())

    def _show(self, seen: Snapshot) -> None:
        """Show the numbers."""


class Lines(Display):
    """Prints a line now and then, more rarely as the run grows long. A short run has none."""

    _next_at_s = _FIRST_LINE_S

    def _show(self, seen: Snapshot) -> None:
        if seen.elapsed_s < self._next_at_s or seen.total <= 1:
            return
        interval_s = next(interval_s for start_s, interval_s in _LINES_S if seen.elapsed_s >= start_s)
        self._next_at_s = seen.elapsed_s + interval_s
        print_line(f"progress: {status_line(seen)}")


class Bar(Display):
    """The last line of a terminal; what is written to `sys.stderr` meanwhile appears above it.

    The cursor rests at the start of the line. So erasing from there takes all of it away even if the terminal became
    narrower and broke it, and a killed program leaves the cursor as it was.
    """

    _interval_s = _REFRESH_S

    def __init__(self, look: Callable[[], Snapshot]) -> None:
        super().__init__(look)
        self._stream = sys.stderr
        # Rich knows which terminals have colours, and NO_COLOR. It would not survive some values of COLUMNS and LINES.
        self._console = Console(file=self._stream, force_terminal=True, legacy_windows=False, width=80, height=25)
        # Reentrant: a signal's handler may print while this prints.
        self._lock = threading.RLock()
        self._line = ""
        self._is_mid_line = False

    def __enter__(self) -> Self:
        sys.stderr = cast("TextIO", _Above(self._stream, self._write_above))
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        with self._lock:
            self._draw("")
            sys.stderr = self._stream

    @contextmanager
    def room_for(self, output: Output) -> Generator[None]:
        """Take the line off the screen while results are written, if that is where they go."""
        if not output.is_terminal:
            yield
            return
        with self._lock:
            line = self._line
            self._draw("")
            yield
            self._draw(line)

    def _show(self, seen: Snapshot) -> None:
        if seen.total <= 1:
            return
        # A column stays free: some terminals break a line that fills the last one.
        width = max(_LEAST_WIDTH, _width(self._stream) - 1)
        line = self._render(seen, width)
        with self._lock:
            if not self._is_mid_line:
                self._draw(line)

    def _render(self, seen: Snapshot, width: int) -> str:
        has_blocks = self._console.encoding.startswith("utf")
        text = Text.assemble(*status_pieces(seen, width, has_blocks=has_blocks), no_wrap=True)
        with self._console.capture() as capture:
            self._console.print(text, end="", soft_wrap=True)
        return capture.get()

    def _draw(self, line: str) -> None:
        if line or self._line:
            self._stream.write(f"{_ERASE}{line}\r" if line else _ERASE)
            self._stream.flush()
        self._line = line

    def _write_above(self, text: str) -> int:
        with self._lock:
            erase = _ERASE if self._line and not self._is_mid_line else ""
            self._is_mid_line = not text.endswith("\n")
            line = "" if self._is_mid_line or not self._line else f"{self._line}\r"
            self._stream.write(f"{erase}{text}{line}")
            self._stream.flush()
        return len(text)


class _Above:
    """In place of `sys.stderr`: what is written appears above the last line."""

    def __init__(self, stream: TextIO, write: Callable[[str], int]) -> None:
        self._stream = stream
        self.write = write

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _can_move_cursor(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM", "dumb") not in {"", "dumb", "unknown"}


def _width(stream: TextIO) -> int:
    """Return the columns of the terminal now, those of the environment where it does not know."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except OSError:
        columns = 0
    if columns > 0:
        return columns
    said = os.environ.get("COLUMNS", "")
    return int(said) if said.isdecimal() and int(said) > 0 else 80
