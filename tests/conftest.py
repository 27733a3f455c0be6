"""Fixtures and settings that every folder of tests shares."""

import os
import signal
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = [
    "chromium",
    "coverage_files",
    "environments",
    "s3_buckets",
    "scanned_pages",
    "secret_watch",
    "command_line",
]

# A busy machine is no failure.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of our own."""
    parser.addoption("--whole", action="store_true", help="run the long forms too, such as the whole fault matrix")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Return the report in a form that pytest-xdist can send: as UTF-8, without the lone surrogates that tests log."""
    report = yield
    report.sections = [(title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections]
    return report


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Let SIGINT and SIGHUP end the programs that tests start: a background job or `nohup` would have them ignored.

    A program begins with the default of each signal that its parent handles. The tests themselves survive a hang-up.
    """
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: lambda *_: None}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def without_proxies() -> Iterator[None]:
    """Let no test depend on the proxies of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in filter(lambda name: name.lower().endswith("_proxy"), list(os.environ)):
            patch.delenv(name)
        yield


@pytest.fixture
def patient_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no batch leave early because the machine is busy."""
    for module in ("sources.feeder", "sources.files", "sources.supply", "stream.intake"):
        monkeypatch.setattr(f"vision_grpc.{module}.PATIENCE_S", 60.0)


@pytest.fixture
def lasting_permits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no permit of a shared quota be gone because the machine is busy."""
    for name in ("permits.USABLE_S", "permits.PUNCTUAL_S", "turn._MISSED_AFTER_S"):
        monkeypatch.setattr(f"vision_grpc.stream.{name}", 60.0)
