"""The command line, run in the process of the tests: for what is not about processes, as each start takes a second."""

from collections.abc import Callable

import pytest
from command_line import Finished

from vision_grpc.cli import app, export, report

Run = Callable[..., Finished]


def runner(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Return what runs the command with these arguments, in the current folder."""
    monkeypatch.setattr(app, "open_stdout", lambda: None)
    for command in (export, report):
        monkeypatch.setattr(command, "show_logs", lambda _: None)

    def run(*arguments: str) -> Finished:
        monkeypatch.setattr("sys.argv", ["vision-grpc", *arguments])
        code = app.run()
        stdout, stderr = capfdbinary.readouterr()
        return Finished(code, stdout, stderr.decode())

    return run
