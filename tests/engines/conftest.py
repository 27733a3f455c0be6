"""Ray Data and Spark in environments of their own, which `scripts/test --engines` makes; else tests are skipped."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_runs import Engine
from environments import engine_environment
from lanes.environment import InstallError
from lanes.kept import ENGINES
from peers import program


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Each engine, with an empty folder."""
    name: str = request.param
    if os.environ.get("VISION_GRPC_TESTS_ENGINES") != "1":
        pytest.skip("scripts/test --engines runs it")
    if name == "spark":
        program("java")
    try:
        environment = engine_environment(name)
    except InstallError as error:
        pytest.skip(f"{name} cannot be installed here: {error}")
    engine = Engine(name, environment, tmp_path)
    yield engine
    engine.close()
