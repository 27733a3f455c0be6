"""The command line, run in the process of the tests: for what is not about processes, as each start takes a second."""

import logging
from collections.abc import Callable

import pytest
from command_line import Finished

from vision_grpc.cli import analyze, app, export, operations_wait, report

Run = Callable[..., Finished]


def runner(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Return what runs the command with these arguments, in the current folder."""
    monkeypatch.setattr(app, "open_stdout", lambda: None)
    for command in (analyze, export, operations_wait, report):
        monkeypatch.setattr(command, "show_logs", lambda _: None)

    def run(*arguments: str) -> Finished:
        monkeypatch.setattr("sys.argv", ["vision-grpc", *arguments])
        before = [*logging.getLogger("vision_grpc").handlers]
        code = app.run()
        # What a command leaves there would print what later tests log.
        assert logging.getLogger("vision_grpc").handlers == before
        stdout, stderr = capfdbinary.readouterr()
        return Finished(code, stdout, stderr.decode())

    return run
