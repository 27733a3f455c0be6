"""Looks on while other tests run: nothing that the library logs or raises may hold a secret.

Every secret in the tests that could get in anywhere has the form of a real one, so it is known by it.
"""

import logging
import re
import traceback
from collections.abc import Iterator

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
            self.found.append(SECRETS.sub(lambda match: match[0][:6] + "<secret>", text))


@pytest.fixture(autouse=True)
def secret_watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Fail a test in which a log record or an exception of ours held a secret."""
    watch = Watch()
    construct = VisionError.__init__

    def looked_at(error: VisionError, *arguments: object) -> None:
        construct(error, *arguments)
        watch.look(f"{error!r} {error} {arguments!r}")

    monkeypatch.setattr(VisionError, "__init__", looked_at)
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
