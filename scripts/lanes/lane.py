"""What a lane is, and which there are."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent.parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _of_extras(names: Iterable[str]) -> Iterator[str]:
    for line in (line for name in names for line in _PROJECT["optional-dependencies"][name]):
        asked = Requirement(line)
        if asked.name == _PROJECT["name"]:
            yield from _of_extras(asked.extras)
        else:
            yield line


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One environment, with what is installed into it and what is run there."""

    name: str
    python: str | None = "3.11"
    """None means the one that runs the lanes."""
    distribution: Literal["wheel", "sdist"] = "wheel"
    extras: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    """Requirements that are installed with the package."""
    resolution: Literal["highest", "lowest-direct"] = "highest"
    constraints: str | None = None
    """A file in scripts/ with exact versions, for lanes that must be the same tomorrow."""
    programs: tuple[tuple[str, ...], ...] = (("smoke.py",),)
    """Files of tests/programs/ with their arguments, each a process of its own."""

    def requirements(self, distribution: Path) -> list[str]:
        """Return what is installed."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        # Only what is asked for directly is taken in its lowest version.
        direct = [] if self.resolution == "highest" else [*_PROJECT["dependencies"], *_of_extras(self.extras)]
        return [f"vision-grpc{extras} @ {distribution.as_uri()}", *direct, *self.beside]

    @property
    def shown(self) -> list[str]:
        """The names of what is installed beside the package."""
        return [re.split(r"[=<>~]", each)[0] for each in self.beside]


def _pythons() -> list[Lane]:
    lanes: list[Lane] = []
    for python in PYTHONS:
        lanes += [
            Lane(name=f"{python}-newest", python=python),
            Lane(name=f"{python}-lowest", python=python, resolution="lowest-direct"),
            Lane(name=f"{python}-all", python=python, extras=("all",), programs=(("smoke.py", "--serve", "--whole"),)),
        ]
    return lanes


def _beside_the_sdk(version: str) -> Lane:
    """Return the lane with the official SDK, which is imported before us and after us."""
    coexistence = tuple(("coexistence.py", first) for first in ("ours", "theirs"))
    # The setuptools of today have no pkg_resources, which old releases import.
    beside = (f"yandexcloud=={version}", "setuptools<81")
    return Lane(name=f"yandexcloud-{version}", beside=beside, programs=(*coexistence, ("smoke.py",)))


def _below_pytest(version: str) -> Lane:
    """Return the lane in which a release of pytest loads our plugin."""
    # Later releases of pytest-xdist need pytest 7.4 or newer.
    beside = (f"pytest=={version}.*", "pytest-xdist<3.6" if version.startswith("7.") else "pytest-xdist")
    return Lane(
        name=f"pytest-{version}", extras=("local",), beside=beside, programs=(("smoke.py",), ("with_pytest.py",))
    )


_NOT_AT_THEIR_LOWEST = {"all", "pdf", "ocrmypdf", "ray", "spark"}

# They need no download that the tests do not need anyway, and are the same until a file of constraints changes.
QUICK = (
    Lane(name="lowest", python=None, resolution="lowest-direct", constraints="constraints-lowest.txt"),
    Lane(name="newest", python=None, constraints="constraints.txt"),
)
WHOLE = (
    *_pythons(),
    # All but ocrmypdf, which needs a newer Pillow than we do, and the engines, whose lanes are their own.
    Lane(
        name="3.11-extras-lowest",
        resolution="lowest-direct",
        extras=tuple(name for name in _PROJECT["optional-dependencies"] if name not in _NOT_AT_THEIR_LOWEST),
        programs=(("smoke.py", "--serve"),),
    ),
    Lane(
        name="3.11-all-lowest",
        resolution="lowest-direct",
        extras=("all",),
        programs=(("smoke.py", "--serve", "--whole"),),
    ),
    Lane(name="sdist", distribution="sdist"),
    *(Lane(name=f"protobuf-{each}", beside=(f"protobuf=={each}.*",)) for each in ("4.25", "5.29", "6.33", "7")),
    Lane(name="grpcio-1.49.1", beside=("grpcio==1.49.1",)),
    *map(_beside_the_sdk, ("0.413.0", "0.350.0", "0.300.0")),
    Lane(
        name="google-cloud-vision",
        beside=("google-cloud-vision",),
        programs=(("smoke.py", "--beside", "google.cloud.vision"),),
    ),
    Lane(
        name="grpcio-status", beside=("grpcio-status",), programs=(("smoke.py", "--beside", "grpc_status.rpc_status"),)
    ),
    Lane(name="sentry-sdk", beside=("sentry-sdk",), programs=(("instrumented.py", "sentry"),)),
    Lane(
        name="opentelemetry",
        beside=("opentelemetry-sdk", "opentelemetry-instrumentation-grpc"),
        programs=(("instrumented.py", "opentelemetry"),),
    ),
    *(_below_pytest(version) for version in ("7.0", "8.4", "9")),
    *(Lane(name=f"extra-{extra}", extras=(extra,)) for extra in _PROJECT["optional-dependencies"] if extra != "all"),
)
