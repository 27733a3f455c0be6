"""Virtual environments for what the development environment cannot show.

Peers live in .venv-NAME-PYTHON at the top of the repository and are kept until their requirements change. Making one
needs a package index; VISION_GRPC_TESTS_OFFLINE=1 takes what uv has kept of it, and skips the tests that need more.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lanes.environment import Environment, InstallError
from lanes.kept import keep, keep_engine
from lanes.lane import QUICK, ROOT, Lane
from lanes.run import build, environment_of

SCRIPTS = ROOT / "scripts"

__all__ = ["ROOT", "SCRIPTS", "Environment", "build", "engine_environment", "lane_environment", "make_environment"]


@contextmanager
def _making() -> Iterator[None]:
    """Skip the test where a package cannot be had offline; take no time from the test that happens to come first."""
    left_s, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    except InstallError as error:
        if not _OFFLINE:
            raise
        pytest.skip(f"VISION_GRPC_TESTS_OFFLINE is set: {error}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, left_s)


_OFFLINE = ["--offline"] if os.environ.get("VISION_GRPC_TESTS_OFFLINE") == "1" else []


def make_environment(name: str, requirements: list[str], constraints: Path, *options: str) -> Environment:
    """Return the environment that holds the requirements in the versions that `constraints` pins.

    They come as wheels, unless `options` of uv say otherwise.
    """
    with _making():
        return keep(name, requirements, constraints, *options, *_OFFLINE)


def engine_environment(name: str) -> Environment:
    """Return the environment of an engine."""
    with _making():
        return keep_engine(name, *_OFFLINE)


def lane_environment(lane: Lane, distribution: Path, folder: Path) -> Environment:
    """Return a new environment in the folder with what the lane installs."""
    with _making():
        return environment_of(lane, distribution, folder, *_OFFLINE)


@pytest.fixture(scope="session")
def sdk() -> Environment:
    """The official SDK in an environment of its own."""
    return make_environment("sdk", ["yandexcloud"], SCRIPTS / "constraints-sdk.txt")


@pytest.fixture(scope="session")
def ai_studio() -> Environment:
    """The vendor's AI Studio SDK in an environment of its own."""
    try:
        return make_environment("ai-studio", ["yandex-ai-studio-sdk"], SCRIPTS / "constraints-ai-studio.txt")
    except InstallError as error:
        pytest.skip(f"the AI Studio SDK cannot be installed here: {error}")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session", params=QUICK, ids=lambda lane: lane.name)
def installed(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel in an environment that holds its dependencies, without extras."""
    lane: Lane = request.param
    if lane.resolution != "highest" and sys.version_info[:2] != (3, 11):
        pytest.skip("the lowest versions have wheels for Python 3.11 only")
    return lane_environment(lane, wheel, tmp_path_factory.mktemp(lane.name))
