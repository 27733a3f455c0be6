"""What `vision-grpc analyze` shows on a terminal."""

import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import cut_first_line, start
from scanned_pages import ScannedPage
from secret_watch import refuse_secrets

from vision_grpc.local import LocalVision

PROGRESS = re.compile(r"\d/3 +\(\d+ %\)")
TERMINAL = {"TERM": "xterm", "COLUMNS": "80", "LINES": "25"}


@pytest.fixture(scope="module")
def there() -> Iterator[tuple[str, ...]]:
    """The options that lead to a service."""
    with LocalVision() as vision:
        yield ("--endpoint", vision.grpc_endpoint, "--insecure")


@pytest.fixture
def folder(tmp_path: Path, pages: dict[str, ScannedPage]) -> Path:
    """A folder with two images that can be read, and one that cannot."""
    for name in ("a.png", "b.png"):
        cut_first_line(pages["en_sans"].path, tmp_path / name)
    (tmp_path / "empty.png").touch()
    return tmp_path


def show(*arguments: str, folder: Path, stdout_too: bool = False) -> str:
    """Return what a terminal gets to see from the command's stderr."""
    ours, terminal = pty.openpty()
    stdout = terminal if stdout_too else subprocess.DEVNULL
    with start("analyze", *arguments, cwd=folder, stdout=stdout, stderr=terminal, variables=TERMINAL):
        os.close(terminal)
        seen = b""
        try:
            while chunk := os.read(ours, 4096):
                seen += chunk
        except OSError:  # How Linux says that the last program left the terminal.
            pass
    os.close(ours)
    # Without colours.
    return re.sub(r"\x1b\[[\d;]*m", "", refuse_secrets(seen).decode())


def test_a_terminal_shows_progress_with_complaints_above_it(there: tuple[str, ...], folder: Path) -> None:
    seen = show(*there, ".", folder=folder)
    assert PROGRESS.search(seen)
    assert "error: empty.png: the file is empty" in seen


def test_a_name_above_the_bar_is_shown_whole(there: tuple[str, ...], folder: Path) -> None:
    name = f"{'two  blanks ' * 15}[red].png"
    seen = show(*there, name, "a.png", "tab\tand\rreturn.png", folder=folder)
    assert f"error: '{name}': no such file, check the path\r\n" in seen
    assert r"error: $'tab\tand\rreturn.png': no such file" in seen


def test_text_and_progress_share_a_terminal_when_asked_to(there: tuple[str, ...], folder: Path) -> None:
    assert not PROGRESS.search(show(*there, ".", folder=folder, stdout_too=True))
    seen = show(*there, ".", "--progress", folder=folder, stdout_too=True)
    assert PROGRESS.search(seen)
    assert seen.count("==> a.png <==\r\nThe harbour was quiet") == 1


@pytest.mark.parametrize("arguments", [["a.png"], [".", "--quiet"], [".", "--no-progress"]])
def test_no_progress_is_shown(there: tuple[str, ...], folder: Path, arguments: list[str]) -> None:
    assert not PROGRESS.search(show(*there, *arguments, folder=folder))


def test_an_image_from_the_terminal_is_no_image(folder: Path) -> None:
    ours, terminal = pty.openpty()
    with start("analyze", "--local", "-", cwd=folder, stdin=terminal) as process:
        _, complaint = process.communicate(timeout=60)
    os.close(ours)
    os.close(terminal)
    assert process.returncode == 2
    assert complaint.startswith(b"error: - reads an image from stdin, which is a terminal: pipe a file in")
