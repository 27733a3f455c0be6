"""The library's log, as it is shown on stderr."""

import logging
from collections.abc import Iterator

import pytest

from vision_grpc.cli.logs import show_logs
from vision_grpc.errors import Advice, PathError

_FORGED = "2026-01-01 00:00:00,000 INFO vision_grpc: all is well"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    """A logger of the library whose messages are shown."""
    monkeypatch.setenv("GRPC_VERBOSITY", "NONE")
    library = logging.getLogger("vision_grpc")
    before, level = library.handlers[:], library.level
    show_logs(logging.INFO)
    yield logging.getLogger("vision_grpc.sources")
    library.handlers[:] = before
    library.setLevel(level)


@pytest.mark.parametrize(("level", "is_dated"), [(logging.DEBUG, True), (logging.INFO, True), (logging.WARNING, False)])
def test_warnings_look_like_errors_where_the_log_is_not_followed(
    log: logging.Logger, capsys: pytest.CaptureFixture[str], level: int, *, is_dated: bool
) -> None:
    logging.getLogger("vision_grpc").handlers.pop()
    show_logs(level)
    log.warning("%s: no lock", "a\nb.jsonl")
    said = capsys.readouterr().err
    assert said.endswith(" WARNING vision_grpc.sources: a b.jsonl: no lock\n" if is_dated else "")
    assert (said == "warning: a b.jsonl: no lock\n") is not is_dated


def test_failed_images_are_left_to_the_command(log: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("vision_grpc.images").info("image a.png failed")
    log.info("seen")
    assert [line.rpartition(": ")[2] for line in capsys.readouterr().err.splitlines()] == ["seen"]


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\x0b", "\x1e", "\x85", "\u2028"])
def test_a_name_forges_no_line(log: logging.Logger, line_break: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.warning("%s: no such file", f"a.png{line_break}{_FORGED}")
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith(f" WARNING vision_grpc.sources: a.png {_FORGED}: no such file")


def test_no_terminal_obeys_a_message(log: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    log.warning("%s: no such file", "\x1b[2Jgone\x07 caf\udce9.png")
    assert capsys.readouterr().err.endswith(": \\x1b[2Jgone\\x07 caf\\udce9.png: no such file\n")


def test_a_traceback_keeps_its_lines_set_off(log: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    log.error("it failed", exc_info=OSError(f"a.png\n{_FORGED}\x1b[2J"), stack_info=True)
    first, *rest = capsys.readouterr().err.splitlines()
    assert first.endswith(" ERROR vision_grpc.sources: it failed")
    assert rest[0] == "  OSError: a.png"
    assert f"  {_FORGED}\\x1b[2J" in rest
    assert "  Stack (most recent call last):" in rest
    assert all(line.startswith("  ") for line in rest)


def test_the_advice_of_an_error_has_flags(log: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    log.warning("it failed: %s", PathError("not trusted", advice=[Advice("pass", "root_certificates")]))
    assert capsys.readouterr().err.endswith(": it failed: not trusted; pass --root-certificates\n")
