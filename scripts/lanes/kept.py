"""Environments that are made once, and kept at the top of the repository until what they hold changes."""

import fcntl
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from lanes.environment import Environment, install, make
from lanes.lane import ROOT

ENGINES = {"ray": ("ray[data]",), "spark": ("pyspark[sql]",)}
"""What is installed for each engine, beside what our package needs."""

# pyspark has no wheel.
_OPTIONS = {"spark": ("--no-binary", "pyspark")}


def kept(name: str) -> Environment:
    """Return where the environment of this name is kept, whether or not it was made."""
    return Environment(ROOT / f".venv-{name}-{sys.version_info.major}.{sys.version_info.minor}")


def keep(name: str, requirements: Sequence[str], constraints: Path, *options: str) -> Environment:
    """Return the environment that holds the requirements in the versions that `constraints` pins.

    They come as wheels, unless `options` of uv say otherwise.

    Raises:
        InstallError: they cannot be had here.
    """
    environment = kept(name)
    stamp = environment.folder / "stamp"
    # The folder is part of it, for an environment does not survive being moved.
    wanted = "\n".join([str(environment.folder), sys.version, *requirements, constraints.read_text()])
    with constraints.open() as lock:
        # Another process may need the same environment.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            make(environment.folder)
            install(environment, requirements, "--only-binary", ":all:", *options, "--constraint", constraints)
            stamp.write_text(wanted)
    return environment


def keep_engine(name: str, *options: str) -> Environment:
    """Return the environment of an engine, with what our package needs and without our package.

    Raises:
        InstallError: it cannot be had here.
    """
    core = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    constraints = ROOT / "scripts" / f"constraints-{name}.txt"
    return keep(name, [*core, *ENGINES[name]], constraints, *_OPTIONS.get(name, ()), *options)
