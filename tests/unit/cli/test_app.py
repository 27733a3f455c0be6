import errno
import re
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click
import pytest

from vision_grpc.cli import app as module
from vision_grpc.cli.commands import SHORT_HELP
from vision_grpc.cli.exits import NOTHING_DONE

Refused = Callable[[list[str]], str]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs the program with arguments that lead to nothing, and returns what it says on stderr."""
    monkeypatch.setattr(module, "open_stdout", lambda: None)

    def run(arguments: list[str]) -> str:
        monkeypatch.setattr("sys.argv", ["vision-grpc", *arguments])
        assert module.run() == NOTHING_DONE
        return capsys.readouterr().err

    return run


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
    error: BaseException, told: str, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    @click.command()
    def failing() -> NoReturn:
        raise error

    monkeypatch.setattr(module, "app", failing)
    (line,) = refused([]).splitlines()
    assert line.startswith(told)
    assert len(line) < 500


def test_the_overview_says_of_each_command_what_the_command_says() -> None:
    context = click.Context(module.app)
    for name in module.app.list_commands(context):
        command = module.app.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(100) == SHORT_HELP[name]


@pytest.mark.parametrize("name", ["get", "wait", "cancel"])
def test_commands_about_operations_say_that_their_api_is_ocr_v1(name: str) -> None:
    group = module.app.get_command(click.Context(module.app), "operations")
    assert isinstance(group, click.Group)
    command = group.get_command(click.Context(group), name)
    assert command is not None
    [api] = [each for each in command.params if isinstance(each, click.Option) and each.name == "api"]
    assert api.help is not None
    assert api.help.endswith("[default: ocr/v1]")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["analzye", "a.png"], "there is no command analzye, did you mean analyze?"),
        (["Serve"], "there is no command Serve, did you mean serve?"),
        (["scan.PNG"], "there is no command scan.PNG; vision-grpc analyze scan.PNG reads images"),
        (["."], "there is no command .; vision-grpc analyze . reads images"),
        (["a b\n.jpg"], r"there is no command $'a b\n.jpg'; vision-grpc analyze $'a b\n.jpg' reads images"),
        (
            ["frobnicate"],
            (
                "there is no command frobnicate; the commands are analyze, doctor, export, operations, overlay, "
                "protos, quota, report, serve, tape"
            ),
        ),
    ],
)
def test_what_does_not_exist_is_an_error_that_names_what_does(
    arguments: list[str], told: str, refused: Refused
) -> None:
    assert refused(arguments).startswith(f"error: {told} (see vision-grpc ")


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (["--verson"], "--version"),
        (["analyze", "--langages", "ru"], "--languages"),
        (["serve", "--hots"], "--host"),
    ],
)
def test_an_option_that_does_not_exist_is_an_error_that_names_one_that_does(
    arguments: list[str], near: str, refused: Refused
) -> None:
    # Releases of click quote it or do not; of several names that are near, it says "one of".
    told = refused(arguments).replace("'", "")
    assert re.search(rf"Did you mean (one of: )?{near}[?,]", told)
