"""What pyproject.toml asks for and what scripts/constraints*.txt pin go together."""

import tomllib

import pytest
from environments import ROOT, SCRIPTS
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CORE = PYPROJECT["project"]["dependencies"]
TABLES = {**PYPROJECT["project"]["optional-dependencies"], **PYPROJECT["dependency-groups"]}
# A table of tables stands for others that are listed here themselves.
OTHERS = {line for name, lines in TABLES.items() if name not in {"all", "dev"} for line in lines}


def pins(name: str) -> dict[str, Version]:
    lines = [line for line in (SCRIPTS / name).read_text().splitlines() if not line.startswith("#")]
    return {canonicalize_name(package): Version(version) for package, version in (line.split("==") for line in lines)}


def is_for(python: str, line: str) -> bool:
    marker = Requirement(line).marker
    return marker is None or marker.evaluate({"python_version": python})


@pytest.mark.parametrize("line", sorted({*CORE, *OTHERS, *PYPROJECT["build-system"]["requires"]}))
def test_development_pins_meet_the_requirement(line: str) -> None:
    requirement = Requirement(line)
    # Engines are in environments of their own.
    own = f"constraints-{requirement.name.removeprefix('py')}.txt"
    pinned = pins(own if (SCRIPTS / own).exists() else "constraints.txt")
    assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("line", [line for line in CORE if is_for("3.11", line)])
def test_lowest_pins_are_the_lower_bounds(line: str) -> None:
    requirement = Requirement(line)
    (lower,) = (Version(bound.version) for bound in requirement.specifier if bound.operator == ">=")
    assert pins("constraints-lowest.txt")[canonicalize_name(requirement.name)] == lower
