"""What a terminal or a pipe is told while a run goes on."""

import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from snapshots import snapshot

from vision_grpc.bulk.progress import Snapshot
from vision_grpc.cli import progress as module
from vision_grpc.cli.output import Output
from vision_grpc.cli.patient_file import PatientFile
from vision_grpc.cli.progress import Bar, Display, Lines, show_progress
from vision_grpc.cli.stderr import print_line

ERASE = "\r\x1b[J"
LINE = "12,345/200,000 (6 %)  312/s  10 min left  23 failed  12 retried  8 in flight"


class Terminal(StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    @property
    def shown(self) -> str:
        """What was written, without styles."""
        return re.sub(r"\x1b\[[\d;]*m", "", self.getvalue())


class Looked:
    """Gives numbers, and lets a test wait until they are shown."""

    def __init__(self) -> None:
        self.seen = snapshot()
        self._times = 0
        self._changed = threading.Condition()

    def __call__(self) -> Snapshot:
        with self._changed:
            self._times += 1
            self._changed.notify_all()
        return self.seen

    def settle(self) -> None:
        """Wait until a look that begins from now on is shown: one that has begun may be of old numbers."""
        with self._changed:
            # The second from now on begins when the first is shown.
            second = self._times + 2
            assert self._changed.wait_for(lambda: self._times >= second, timeout=300)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name, value in {"TERM": "xterm", "COLUMNS": "80", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    return Terminal()


@contextmanager
def bar_on(terminal: Terminal, look: Callable[[], Snapshot] = snapshot) -> Iterator[Bar]:
    """Show a bar; in the test itself, as pytest has another stderr for what comes before."""
    with redirect_stderr(terminal), Bar(look) as bar:
        yield bar


def times_of_lines(seen: Iterable[float], capsys: pytest.CaptureFixture[str], total: int = 200_000) -> list[float]:
    """Return at which of the seconds a line is printed."""
    lines, times = Lines(snapshot), []
    for elapsed_s in seen:
        lines._show(snapshot(elapsed_s=elapsed_s, total=total))
        if capsys.readouterr().err:
            times.append(elapsed_s)
    return times


def test_lines_come_soon_and_then_more_rarely(capsys: pytest.CaptureFixture[str]) -> None:
    assert times_of_lines(range(700), capsys)[:7] == [3, 13, 23, 33, 43, 53, 63]
    assert times_of_lines(range(700), capsys)[7:10] == [93, 123, 153]
    assert times_of_lines(range(600, 1000), capsys) == [600, 660, 720, 780, 840, 900, 960]


def test_a_short_run_and_a_single_image_have_no_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert times_of_lines([0.0, 1.0, 2.9], capsys) == []
    assert times_of_lines(range(100), capsys, total=1) == []


def test_a_line_says_it_all(capsys: pytest.CaptureFixture[str]) -> None:
    Lines(snapshot)._show(snapshot())
    assert capsys.readouterr().err == (
        "progress: 12,345/200,000 (6 %), 312 images/s, 10 min 1 s left, "
        "23 failed (20 INVALID_ARGUMENT, 3 UNAVAILABLE), 12 retried, 8 calls in flight\n"
    )


def test_the_bar_leaves_nothing_behind(terminal: Terminal) -> None:
    with bar_on(terminal):
        assert terminal.shown == f"{ERASE}{LINE}\r"
    assert terminal.shown == f"{ERASE}{LINE}\r{ERASE}"


def test_messages_appear_above_the_bar(terminal: Terminal) -> None:
    with bar_on(terminal):
        print_line("error: two  blanks.png: broken")
        assert terminal.shown.endswith(f"{LINE}\r{ERASE}error: two  blanks.png: broken\n{LINE}\r")
    assert terminal.shown.endswith(f"{LINE}\r{ERASE}")


def test_a_message_in_pieces_is_not_broken_by_the_bar(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.Bar, "_interval_s", 0.001)
    looked = Looked()
    with bar_on(terminal, looked):
        sys.stderr.write("Traceback ")
        looked.settle()
        sys.stderr.write("goes on\n")
        looked.settle()
        assert "Traceback goes on\n" in terminal.shown


def test_the_bar_follows_the_run_and_the_width(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.Bar, "_interval_s", 0.001)
    looked = Looked()
    with bar_on(terminal, looked):
        looked.seen = snapshot(done=200_000)
        monkeypatch.setenv("COLUMNS", "20")
        looked.settle()
        assert terminal.shown.endswith(f"{ERASE}200k/200k 23 failed\r")


@pytest.mark.parametrize("columns", ["", "0", "-3", "many", "\u0663\u00b2"])
def test_columns_that_mean_nothing_are_eighty(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    with bar_on(terminal):
        assert terminal.shown.endswith(f"{LINE}\r")


def test_a_single_image_has_no_bar(terminal: Terminal) -> None:
    with bar_on(terminal, lambda: snapshot(total=1, done=0)):
        print_line("error: no such file")
    assert terminal.shown == "error: no such file\n"


def test_results_on_the_same_terminal_get_room(terminal: Terminal, tmp_path: Path) -> None:
    class OnTerminal(Output):
        is_terminal = True

    with bar_on(terminal) as bar, OnTerminal("x", PatientFile(tmp_path / "x", "w")) as results:
        with bar.room_for(results):
            assert terminal.shown.endswith(f"{LINE}\r{ERASE}")
        assert terminal.shown.endswith(f"{ERASE}{LINE}\r")
    with bar_on(terminal) as bar, Output("x", PatientFile(tmp_path / "x", "w")) as output, bar.room_for(output):
        assert terminal.shown.endswith(f"{LINE}\r")


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"wanted": None, "quiet": False, "output_is_terminal": False}, Bar),
        ({"wanted": None, "quiet": True, "output_is_terminal": False}, Display),
        ({"wanted": None, "quiet": False, "output_is_terminal": True}, Display),
        ({"wanted": True, "quiet": True, "output_is_terminal": True}, Bar),
        ({"wanted": False, "quiet": False, "output_is_terminal": False}, Display),
    ],
)
def test_progress_is_shown_where_it_is_wanted(asked: dict[str, Any], kind: type[Display], terminal: Terminal) -> None:
    with redirect_stderr(terminal):
        assert type(show_progress(snapshot, **asked)) is kind


@pytest.mark.parametrize("term", ["dumb", "", "unknown", None])
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(
    term: str | None, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    if term is None:
        monkeypatch.delenv("TERM")
    else:
        monkeypatch.setenv("TERM", term)
    with redirect_stderr(terminal):
        assert type(show_progress(snapshot, wanted=None, quiet=False, output_is_terminal=False)) is Lines


def test_a_pipe_gets_lines() -> None:
    with redirect_stderr(StringIO()):
        assert type(show_progress(snapshot, wanted=None, quiet=False, output_is_terminal=False)) is Lines


def test_a_run_that_shows_nothing_is_looked_at_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.Display, "_interval_s", 0.001)
    looked = Looked()
    with Display(looked):
        looked.settle()


def test_colours_are_for_terminals_that_want_them(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR")
    with bar_on(terminal):
        assert "\x1b[31m23 failed\x1b[0m" in terminal.getvalue()
