"""The local service of a run: the plugin goes without it, and lets other servers log what they want."""

import logging
import subprocess
import sys
from contextlib import ExitStack
from typing import Self

import pytest
from ocrmypdf.exceptions import MissingDependencyError

from vision_grpc.local.calls.log import ACCESS_LOG
from vision_grpc.ocrmypdf.local_service import start_local_service

_WITHOUT = "import sys; sys.modules['vision_grpc.local'] = None; import vision_grpc.ocrmypdf"


def test_the_plugin_goes_without_the_extra() -> None:
    subprocess.run([sys.executable, "-c", _WITHOUT], check=True)


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vision_grpc.local", None)
    with ExitStack() as stack, pytest.raises(MissingDependencyError, match=r"^--vision-local: "):
        start_local_service(stack)


def test_calls_are_not_said_and_problems_are(monkeypatch: pytest.MonkeyPatch) -> None:
    class Service:
        grpc_endpoint = "127.0.0.1:1"

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr("vision_grpc.local.LocalVision", Service)
    logger = logging.getLogger(ACCESS_LOG)
    before = logger.level, [*logger.filters]

    def is_said(level: int) -> bool:
        record = logger.makeRecord(logger.name, level, "", 0, "call", (), None)
        return bool(logger.filter(record))

    with ExitStack() as stack:
        assert start_local_service(stack) == "127.0.0.1:1"
        assert logger.level == before[0]
        assert not is_said(logging.INFO)
        assert is_said(logging.WARNING)
    assert (logger.level, logger.filters) == before
