"""Run a lane."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from lanes.environment import (
    Environment,
    InstallError,
    MissingPythonError,
    install,
    make,
    wrong_requirements,
)
from lanes.lane import ROOT, Lane
from lanes.outcome import Outcome
from lanes.pythons import find_python

PROGRAMS = ROOT / "tests" / "programs"


def build(target: str, folder: Path, source: Path = ROOT) -> Path:
    """Return the one file, a "wheel" or an "sdist", that hatchling builds into the empty folder."""
    options = ["--target", target, "--directory", str(folder)]
    subprocess.run([sys.executable, "-m", "hatchling", "build", *options], cwd=source, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


def environment_of(lane: Lane, distribution: Path, folder: Path, *options: str) -> Environment:
    """Return a new environment with what the lane wants.

    Raises:
        InstallError: it cannot be had here; the message says what is missing. MissingPythonError: that is the Python.
    """
    python = Path(sys.executable) if lane.python is None else find_python(lane.python)
    if python is None:
        message = f"no Python {lane.python} on this machine"
        raise MissingPythonError(message)
    environment = make(folder, python)
    if lane.constraints is not None:
        options = (*options, "--constraint", str(ROOT / "scripts" / lane.constraints))
    options = (*options, "--resolution", lane.resolution, "--only-binary", ":all:")
    if lane.distribution == "sdist":
        options = (*options, "--no-binary", "vision-grpc")
    install(environment, lane.requirements(distribution), *options)
    return environment


def run(lane: Lane, distributions: Mapping[str, Path], service: Path) -> Outcome:
    """Return what came of the lane."""
    begun, date = time.monotonic(), datetime.now(UTC).date().isoformat()
    with tempfile.TemporaryDirectory(prefix="lane-") as folder:
        try:
            environment = environment_of(lane, distributions[lane.distribution], Path(folder))
        except MissingPythonError as error:
            return Outcome(lane=lane.name, date=date, skipped=str(error))
        except InstallError as error:
            return Outcome(lane=lane.name, date=date, problem=str(error))
        problem = wrong_requirements(environment)
        versions: dict[str, str] = {}
        try:
            for name, *arguments in lane.programs:
                printed = environment.run(PROGRAMS / name, *arguments, service, warnings="default")
                versions = json.loads(printed) if printed else versions
        except subprocess.CalledProcessError as error:
            problem += "\n".join([str(error), *error.__notes__])
    seconds = time.monotonic() - begun
    return Outcome(lane=lane.name, date=date, seconds=round(seconds, 1), problem=problem, versions=versions)
