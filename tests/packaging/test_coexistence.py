"""The official SDK and this package live in one process."""

import os
from pathlib import Path

import pytest
from environments import ROOT, Environment

PROGRAM = Path(__file__).parent.parent / "programs" / "coexistence.py"


@pytest.mark.environment
@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_works_beside_the_official_sdk(first: str, sdk: Environment) -> None:
    sdk.run(PROGRAM, first, path=os.pathsep.join([str(ROOT), str(ROOT / "generated")]))
