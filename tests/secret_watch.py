"""Looks on while other tests run: nothing that the library logs, raises or prints may hold a secret.

Every secret in the tests that could get in anywhere has the form of a real one, so it is known by it.
"""

import dis
import gc
import inspect
import logging
import re
import subprocess
import sys
import traceback
from collections.abc import Iterator
from functools import cache
from types import FrameType
from typing import Any

import pytest

from vision_grpc.errors import VisionError

SECRETS = re.compile(
    r"t1\.[\w-]{20,}"  # IAM tokens
    r"|y0_[\w-]{20,}"  # OAuth tokens
    r"|AQVN[\w-]{20,}"  # API keys
    r"|eyJ[\w-]+\.[\w-]+"  # JWTs
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|MII[\w+/]{3}IBA[AD]|MIG\wAgEAM|MHcCAQEE"  # what private keys begin with in DER: RSA and EC, in PKCS8 or not
    r"|(?:Bearer|Api-Key) (?!\.\.\.)[\w.-]{8,}"
)
# Where secrets are at home: in these tests, all objects of ours are looked at.
_OBJECTS_OF = re.compile(r".*/(auth/test_.*|test_(auth_.*|discovered|cli_tls))\.py")
_LOGGERS = ("vision_grpc", "http", "urllib", "grpc", "asyncio", "concurrent")


def blacken(text: str) -> str:
    """Return a text without the secrets in it."""
    return SECRETS.sub(lambda match: match[0][:6] + "<secret>", text)


def refuse_secrets(printed: bytes) -> bytes:
    """Return what a program printed, which must hold no secret."""
    text = printed.decode(errors="replace")
    assert text == blacken(text)
    return printed


@cache
def _is_ours(kind: type) -> bool:
    module = getattr(kind, "__module__", None)
    return isinstance(module, str) and module.partition(".")[0] == "vision_grpc"


class Watch(logging.Handler):
    """Keeps what had a secret in it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.found: list[str] = []
        self.seen = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.look(f"{record.name}: {record.getMessage()} {record.args!r}")
        if record.exc_info and record.exc_info[1] is not None:
            self.look_at_error(record.exc_info[1])

    def look(self, text: str) -> None:
        self.seen += 1
        if SECRETS.search(text):
            self.found.append(blacken(text))

    def look_at_error(self, error: BaseException) -> None:
        """Look at all that a traceback shows of an error, but for lines of source: those of tests may hold secrets."""
        while True:
            self.look(f"{''.join(traceback.format_exception_only(error))} {error!r} {vars(error)}")
            cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
            if cause is None:
                return
            error = cause

    def look_at_objects(self) -> None:
        """Look at what there is of our classes, as a debugger or a crash reporter would show it."""
        for thing in gc.get_objects():
            if _is_ours(type(thing)):  # type: ignore[arg-type]
                try:
                    self.look(f"{thing!r} {thing}")
                except AttributeError:
                    # Another thread is about to make it.
                    continue


def _has_secrets(request: pytest.FixtureRequest) -> bool:
    return _OBJECTS_OF.fullmatch(request.path.as_posix()) is not None


@pytest.fixture(autouse=True)
def secret_watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Fail a test in which a log record, an exception or the output of a program held a secret."""
    watch = Watch()
    construct = VisionError.__init__

    def looked_at(error: VisionError, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        construct(error, *arguments, **options)
        watch.look(f"{error!r} {error} {arguments!r} {options!r}")

    communicate = subprocess.Popen.communicate

    def overheard(process: "subprocess.Popen[Any]", *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        printed = communicate(process, *arguments, **options)
        for output in printed:
            watch.look(output.decode(errors="replace") if isinstance(output, bytes) else output or "")
        return printed

    leave = pytest.RaisesExc.__exit__

    def left(context: "pytest.RaisesExc[Any]", kind: Any, error: BaseException | None, where: Any) -> bool:  # noqa: ANN401
        # Assertions are the tests' own.
        if error is not None and not isinstance(error, AssertionError):
            watch.look_at_error(error)
        return leave(context, kind, error, where)

    monkeypatch.setattr(VisionError, "__init__", looked_at)
    monkeypatch.setattr(pytest.RaisesExc, "__exit__", left)
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


@pytest.fixture(scope="module", autouse=True)
def objects_before(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave what other files of tests have made out of what is looked at after each test: it may be very much.

    After the last test of the file all of it is looked at, once.
    """
    if not _has_secrets(request):
        yield
        return
    gc.freeze()
    yield
    gc.unfreeze()
    watch = Watch()
    watch.look_at_objects()
    assert watch.found == []


@pytest.fixture(autouse=True)
def object_watch(secret_watch: Watch, request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test at whose end an object of ours shows a secret, in the files where secrets are at home."""
    if not _has_secrets(request):
        yield
        return
    test = inspect.unwrap(request.function).__code__

    def profile(frame: FrameType, event: str, _: object) -> None:
        # Here, what the test made is still there. A coroutine comes by whenever it waits, too, and not at a RETURN.
        if event == "return" and frame.f_code is test and dis.opname[test.co_code[frame.f_lasti]].startswith("RETURN"):
            secret_watch.look_at_objects()

    sys.setprofile(profile)
    yield
    sys.setprofile(None)
    secret_watch.look_at_objects()
