"""Fixtures and settings that every folder of tests shares."""

import os
import signal
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["coverage_files", "environments", "s3_buckets", "scanned_pages", "secret_watch", "command_line"]

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
    """Let SIGINT interrupt the tests and the programs they start: in a shell's background job it would be ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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
