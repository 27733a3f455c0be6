"""Virtual environments for what the development environment cannot show.

Each lives in .venv-NAME-PYTHON at the top of the repository and is kept until its requirements change.
Making one needs a package index; VISION_GRPC_TESTS_OFFLINE=1 skips the tests for which one is missing.
"""

import fcntl
import os
import signal
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / "scripts"
# Beginnings of the variables that would change what a program does.
STEERING = ("COVERAGE", "PYTHON", "VISION_GRPC_", "YC_")


class Environment:
    """The Python of a virtual environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"

    def run(self, program: Path, *arguments: object, path: str = "") -> str:
        """Return what the program printed, run with every warning an error and `path` as its PYTHONPATH.

        Nothing else of this process reaches it: neither the working directory nor variables that steer it.
        """
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(STEERING)}
        finished = subprocess.run(
            [self.python, "-P", "-W", "error", program, *map(str, arguments)],
            env=inherited | {"PYTHONPATH": path},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def pip(self, command: str, *arguments: object) -> None:
        """Run a command of the environment's pip, which says nothing but errors."""
        options = ["-qq", "--disable-pip-version-check"]
        subprocess.run([self.python, "-m", "pip", *options, command, *map(str, arguments)], check=True)


@contextmanager
def _untimed() -> Iterator[None]:
    """Leave what takes its time on a slow network out of the time of the test that happens to come first."""
    left_s, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left_s)


def make_environment(name: str, requirements: list[str], constraints: Path) -> Environment:
    """Return the environment that holds the requirements in the versions that `constraints` pins."""
    environment = Environment(ROOT / f".venv-{name}-{sys.version_info.major}.{sys.version_info.minor}")
    stamp = environment.folder / "stamp"
    # The folder is part of it, for an environment does not survive being moved.
    wanted = "\n".join([str(environment.folder), sys.version, *requirements, constraints.read_text()])
    with constraints.open() as lock, _untimed():
        # Another worker of pytest-xdist may need the same environment.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            if os.environ.get("VISION_GRPC_TESTS_OFFLINE") == "1":
                pytest.skip(f"{environment.folder.name} is not made yet, and VISION_GRPC_TESTS_OFFLINE is set")
            venv.create(environment.folder, clear=True, with_pip=True, symlinks=True)
            environment.pip("install", "--only-binary=:all:", "--constraint", constraints, *requirements)
            stamp.write_text(wanted)
    return environment


@pytest.fixture(scope="session")
def sdk() -> Environment:
    """The official SDK in an environment of its own."""
    return make_environment("sdk", ["yandexcloud"], SCRIPTS / "constraints-sdk.txt")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session", params=["lowest", "newest"])
def installed(request: pytest.FixtureRequest, wheel: Path) -> Environment:
    """The wheel in an environment that holds its dependencies, without extras."""
    if request.param == "lowest" and sys.version_info[:2] != (3, 11):
        pytest.skip("the lowest versions have wheels for Python 3.11 only")
    constraints = {"lowest": "constraints-lowest.txt", "newest": "constraints.txt"}[request.param]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment = make_environment(request.param, project["dependencies"], SCRIPTS / constraints)
    environment.pip("install", "--no-deps", "--force-reinstall", wheel)
    return environment


def build(target: str, folder: Path) -> Path:
    """Return the one file that hatchling builds into the empty folder."""
    options = ["--target", target, "--directory", str(folder)]
    subprocess.run([sys.executable, "-m", "hatchling", "build", *options], cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built
