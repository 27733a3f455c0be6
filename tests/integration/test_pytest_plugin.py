"""The pytest plugin, as others use it: in programs of pytest of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_TESTS = Path(__file__).parents[1] / "programs" / "of_users" / "test_with_plugin.py"
_DOCUMENT = Path(__file__).parents[2] / "docs" / "testing.md"
_EXAMPLES = Path(__file__).parents[2] / "scripts" / "examples"
# Beside ours, users have those plugins that they choose.
_QUIET = ["-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:cov", "-p", "no:asyncio", "-W", "error"]


def run_pytest(folder: Path, files: Sequence[Path], *arguments: str) -> str:
    """Return what pytest prints of files in a folder of their own."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    for file in files:
        (folder / file.name).write_text(file.read_text())
    # The plugin is named, for the development environment may have been made before it was there.
    command = [sys.executable, "-m", "pytest", "-p", "vision_grpc.testing.plugin", *_QUIET, *arguments]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "VISION_", "YC_"))}
    finished = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    return finished.stdout + finished.stderr


def test_tests_of_users_end_as_they_should(tmp_path: Path) -> None:
    printed = run_pytest(tmp_path, [_TESTS], "-n", "2", "--strict-markers", "-rfE")
    # Under pytest-xdist they end in any order.
    assert sorted(re.findall(r"^(\w+) test_with_plugin\.py::(\w+)", printed, re.MULTILINE)) == [
        ("ERROR", "test_idle_faults_wrong"),
        ("ERROR", "test_marker_wrong"),
        ("FAILED", "test_nothing_said_wrong"),
    ], printed
    assert "1 failed, 16 passed, 2 errors" in printed, printed
    assert "the-tenth (kind=reset; after=9): too few calls match it, 1" in printed
    assert "the test does not say what the image of" in printed
    assert "TypeError: an image shows a text, a message or an error, and not Code" in printed


def test_the_examples_pass(tmp_path: Path) -> None:
    files = [*_EXAMPLES.glob("*fastapi_service.py")]
    for name, text in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", _DOCUMENT.read_text(), re.DOTALL):
        files.append(tmp_path / name)
        files[-1].write_text(text)
    printed = run_pytest(tmp_path, files, "-n", "0", "-v")
    assert "10 passed" in printed, printed
