"""Ray Data and Spark in environments of their own, which `scripts/test --engines` makes; else tests are skipped."""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_runs import Engine
from environments import ROOT, SCRIPTS, make_environment
from lanes.environment import InstallError
from peers import program

_CORE: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
# pyspark has no wheel.
_REQUIRED = {"ray": (["ray[data]"], ()), "spark": (["pyspark[sql]"], ("--no-binary", "pyspark"))}


@pytest.fixture(params=_REQUIRED)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Each engine, with an empty folder."""
    name: str = request.param
    if os.environ.get("VISION_GRPC_TESTS_ENGINES") != "1":
        pytest.skip("scripts/test --engines runs it")
    if name == "spark":
        program("java")
    required, options = _REQUIRED[name]
    try:
        environment = make_environment(name, [*_CORE, *required], SCRIPTS / f"constraints-{name}.txt", *options)
    except InstallError as error:
        pytest.skip(f"{name} cannot be installed here: {error}")
    engine = Engine(name, environment, tmp_path)
    yield engine
    engine.close()
