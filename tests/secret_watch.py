"""Looks on while other tests run: nothing that the library logs, raises or prints may hold a secret.

Every secret in the tests that could get in anywhere has the form of a real one, so it is known by it.
"""

import logging
import re
import subprocess
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from vision_grpc.errors import VisionError

SECRETS = re.compile(
    r"t1\.[\w-]{20,}"  # IAM tokens
    r"|y0_[\w-]{20,}"  # OAuth tokens
    r"|AQVN[\w-]{20,}"  # API keys
    r"|eyJ[\w-]+\.[\w-]+"  # JWTs
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|(?:Bearer|Api-Key) (?!\.\.\.)[\w.-]{8,}"
)
_LOGGERS = ("vision_grpc", "httpx2", "httpcore2", "httpcore", "grpc", "asyncio", "concurrent")


def blacken(text: str) -> str:
    """Return a text without the secrets in it."""
    return SECRETS.sub(lambda match: match[0][:6] + "<secret>", text)


def refuse_secrets(printed: bytes) -> bytes:
    """Return what a program printed, which must hold no secret."""
    text = printed.decode(errors="replace")
    assert text == blacken(text)
    return printed


class Watch(logging.Handler):
    """Keeps what had a secret in it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.found: list[str] = []
        self.seen = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.look(f"{record.name}: {record.getMessage()} {record.args!r}")
        if record.exc_info and record.exc_info[1] is not None:
            self.look("".join(traceback.format_exception(record.exc_info[1])))

    def look(self, text: str) -> None:
        self.seen += 1
        if SECRETS.search(text):
            self.found.append(blacken(text))


@pytest.fixture(autouse=True)
def secret_watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Fail a test in which a log record, an exception of ours or the output of a program held a secret."""
    watch = Watch()
    construct = VisionError.__init__

    def looked_at(error: VisionError, *arguments: object) -> None:
        construct(error, *arguments)
        watch.look(f"{error!r} {error} {arguments!r}")

    communicate = subprocess.Popen.communicate

    def overheard(process: "subprocess.Popen[Any]", *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        printed = communicate(process, *arguments, **options)
        for output in printed:
            watch.look(output.decode(errors="replace") if isinstance(output, bytes) else output or "")
        return printed

    monkeypatch.setattr(VisionError, "__init__", looked_at)
    # `subprocess.run` goes through it, too.
    monkeypatch.setattr(subprocess.Popen, "communicate", overheard)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(watch)
        logger.setLevel(logging.DEBUG)
    yield watch
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(watch)
        logger.setLevel(level)
    assert watch.found == []
