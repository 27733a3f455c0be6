"""Virtual environments, made by uv from wheels alone."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# Beginnings of the variables that would change what a program does.
STEERING = ("COVERAGE", "PYTHON", "VISION_GRPC_", "YC_", "OTEL_", "SENTRY_")
_UV = [sys.executable, "-m", "uv", "--no-config"]


class InstallError(Exception):
    """The packages could not be had; the message is uv's."""


class MissingPythonError(InstallError):
    """There is no such Python on this machine."""


class Environment:
    """The Python of a virtual environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"

    def run(self, program: Path, *arguments: object, path: str = "", warnings: str = "error") -> str:
        """Return what the program printed, run with every warning an error and `path` as its PYTHONPATH.

        Nothing else of this process reaches it: neither the working directory nor variables that steer it.

        Raises:
            CalledProcessError: it failed; its output is in the notes.
        """
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(STEERING)}
        command: list[str | Path] = [self.python, "-P", "-W", warnings, program, *map(str, arguments)]
        finished = subprocess.run(
            command, env=inherited | {"PYTHONPATH": path}, cwd=self.folder, capture_output=True, text=True, check=False
        )
        try:
            finished.check_returncode()
        except subprocess.CalledProcessError as error:
            error.add_note(finished.stdout[-4000:] + finished.stderr[-4000:])
            raise
        return finished.stdout


def make(folder: Path, python: Path | str = sys.executable) -> Environment:
    """Return a new environment without packages, in place of one that is there."""
    _uv("venv", "--quiet", "--clear", "--python", python, folder)
    return Environment(folder)


def install(environment: Environment, requirements: Sequence[str], *options: str | Path) -> None:
    """Install the requirements.

    Raises:
        InstallError: they cannot be had here.
    """
    _uv("pip", "install", "--quiet", "--python", environment.python, *options, *requirements)


def wrong_requirements(environment: Environment) -> str:
    """Return what uv says of packages without what they require, or empty text."""
    command: list[str | Path] = [*_UV, "pip", "check", "--quiet", "--python", environment.python]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    return checked.stderr if checked.returncode else ""


def _uv(*arguments: str | Path) -> None:
    finished = subprocess.run([*_UV, *arguments], capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise InstallError(finished.stderr.strip())
