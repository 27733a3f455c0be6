"""The pytest plugin, as others use it: in programs of pytest of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from vision_grpc.testing import FakeVision, blank_image

_TESTS = Path(__file__).parents[1] / "programs" / "of_users" / "test_with_plugin.py"
_DOCUMENT = Path(__file__).parents[2] / "docs" / "testing.md"
_EXAMPLES = Path(__file__).parents[2] / "scripts" / "examples"
_ON_TAPE = "test_real_receipts.py"
# Beside ours, users have those plugins that they choose.
_QUIET = ["-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:cov", "-p", "no:asyncio", "-W", "error"]


def run_pytest(
    folder: Path, files: Sequence[Path], *arguments: str, settings: str = "", endpoint: str | None = None
) -> str:
    """Return what pytest prints of files in a folder of their own."""
    (folder / "pytest.ini").write_text(f"[pytest]\n{settings}")
    for file in files:
        (folder / file.name).write_text(file.read_text())
    # The plugin is named, for the development environment may have been made before it was there.
    command = [sys.executable, "-m", "pytest", "-p", "vision_grpc.testing.plugin", *_QUIET, *arguments]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "VISION_", "YC_"))}
    if endpoint is not None:
        environ["VISION_GRPC_ENDPOINT"] = endpoint
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
    for name, text in _examples():
        if name != _ON_TAPE:
            files.append(tmp_path / name)
            files[-1].write_text(text)
    printed = run_pytest(tmp_path, files, "-n", "0", "-v")
    assert "10 passed" in printed, printed


def test_answers_are_recorded_once_and_replayed_without_a_service(tmp_path: Path) -> None:
    [example] = [text for name, text in _examples() if name == _ON_TAPE]
    (tmp_path / "tests").mkdir()
    file = tmp_path / "tests" / _ON_TAPE
    file.write_text(example)
    (tmp_path / "tests" / "receipt.png").write_bytes(blank_image())

    def test(*arguments: str, settings: str = "", endpoint: str | None = None) -> str:
        return run_pytest(tmp_path, [], "tests", *arguments, settings=settings, endpoint=endpoint)

    unrecorded = test()
    assert "1 failed" in unrecorded, unrecorded
    assert "1 of the images; run the test once with --vision-tape once to record them" in unrecorded
    with FakeVision("Total: 42") as vision:
        assert "1 passed" in test("--vision-tape", "once", endpoint=vision.rest_endpoint)
        assert "1 passed" in test(settings="vision_tape = all\n", endpoint=vision.rest_endpoint)
        assert len(vision.images) == 2
        below = "vision_tape_folder = answers\n"
        assert "1 passed" in test("--vision-tape=once", settings=below, endpoint=vision.rest_endpoint)
    tapes = [tmp_path / "tests" / "tapes" / "test_real_receipts", tmp_path / "answers" / "tests" / "test_real_receipts"]
    assert all(tape.is_dir() for tape in tapes)
    assert "1 passed" in test()
    assert "vision_tape is 'twice', must be one of none, once, all" in test(settings="vision_tape = twice\n")


def _examples() -> list[tuple[str, str]]:
    return re.findall(r"```python\n# (\w+\.py)\n(.*?)```", _DOCUMENT.read_text(), re.DOTALL)
