import errno
from pathlib import Path
from typing import NoReturn

import click
import pytest

from vision_grpc.cli import app as module
from vision_grpc.cli.exits import NOTHING_DONE


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.EACCES, "Permission denied", "out\r.jsonl"), r"error: $'out\r.jsonl': Permission denied"),
        (OSError(errno.EACCES, "Permission denied", b"caf\xe9"), r"error: $'caf\xe9': Permission denied"),
        (OSError(errno.EACCES, "Permission denied", Path("two  blanks")), "error: 'two  blanks': Permission denied"),
        (OSError(errno.EACCES, "Permission denied"), "error: [Errno 13] Permission denied"),
        (OSError(errno.EBADF, "Bad file descriptor", 7), "error: [Errno 9] Bad file descriptor: 7"),
        (OSError(errno.EMFILE, "Too many open files", "a\nb"), r"error: $'a\nb'"),
        (OSError(errno.EMFILE, "Too many open files", "a. " * 3_333), "error: 'a. a. "),
        (MemoryError(), "error: this program cannot go on"),
    ],
)
def test_a_file_is_shown_so_that_it_can_be_copied(
    error: BaseException, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    def failing() -> NoReturn:
        raise error

    monkeypatch.setattr(module, "app", failing)
    monkeypatch.setattr("sys.argv", ["vision-grpc"])
    monkeypatch.setattr(module, "open_stdout", lambda: None)
    assert module.run() == NOTHING_DONE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(told)
    assert len(line) < 500
