"""Completion, as a real shell asks for it with the script that the program prints."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# What a user's shell has after the line that the documentation names.
COMPLETE = """
eval "$(_VISION_GRPC_COMPLETE=bash_source vision-grpc)"
compopt() { echo "$@"; }  # It works only while Tab is pressed.
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_vision_grpc_completion vision-grpc
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the program under its name."""
    program = tmp_path / "vision-grpc"
    program.write_text(f"#!{sys.executable}\nfrom vision_grpc.cli import main\nmain()\n")
    program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "completions"),
    [
        (["an"], {"analyze"}),
        ([""], {"analyze", "doctor", "export", "operations", "overlay", "protos", "quota", "report", "serve", "tape"}),
        (["--v"], {"--version"}),
        (["analyze", "--format", "j"], {"jsonl"}),
        (["analyze", "--transport", ""], {"auto", "grpc", "rest"}),
        (["operations", ""], {"list", "get", "wait", "cancel"}),
        (["operations", "wait", "--wit"], {"--within"}),
        (["serve", "--tls-c"], {"--tls-certificate"}),
        (["analyze", "-o", ""], {"-o default"}),
        (["analyze", "sc"], {"-o default"}),
        (["analyze", "--files-from", ""], {"-o default"}),
        (["nothing", "x"], set()),
    ],
)
def test_bash_completes(words: list[str], completions: set[str], programs: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("this machine has no bash")
    path = f"{programs}:/usr/bin:/bin"
    told = subprocess.run(
        [bash, "--norc", "-c", COMPLETE, "bash", "vision-grpc", *words],
        env={"PATH": path, "PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stderr == ""
    assert {*filter(None, told.stdout.splitlines())} == completions
