import shutil
import subprocess
from pathlib import Path

import pytest

from vision_grpc.cli.next_command import next_command, replace_option


@pytest.mark.parametrize(
    ("arguments", "more", "command"),
    [
        (["analyze", "-o", "x.jsonl", "scans"], [], "vision-grpc analyze -o x.jsonl scans"),
        (
            ["analyze", "--restart", "-o", "x", "a b"],
            ["--retry-failed"],
            "vision-grpc analyze --retry-failed -o x 'a b'",
        ),
        (["analyze", "--retry-failed", "x"], [], "vision-grpc analyze x"),
        (["analyze", "--fit", "x"], ["--fit"], "vision-grpc analyze --fit x"),
        (["analyze", "--dry-run", "--", "--restart"], ["--fit"], "vision-grpc analyze --fit -- --restart"),
        (["analyze", "--exclude", "*.tmp", "$x"], [], "vision-grpc analyze --exclude '*.tmp' '$x'"),
    ],
)
def test_the_same_command_with_more_options(arguments: list[str], more: list[str], command: str) -> None:
    assert next_command(*more, arguments=arguments, program="vision-grpc") == command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The present folder, with programs in folders that are on the path and are not."""
    for name in ("on path/vision-grpc", "on path/vg", "off path/vision-grpc", "here", "script.py"):
        program = tmp_path / name
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\n")
        if name != "script.py":
            program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "on path"))
    monkeypatch.setattr("sys.orig_argv", ["bin/python3", "-X", "dev"])
    return tmp_path


@pytest.mark.parametrize(
    ("program", "called"),
    [
        ("{}/on path/vision-grpc", "vision-grpc"),
        ("on path/vision-grpc", "vision-grpc"),
        ("{}/on path/vg", "vg"),
        ("off path/vision-grpc", "'off path/vision-grpc'"),
        ("./here", "./here"),
        ("here", "./here"),
        ("script.py", "bin/python3 script.py"),
        ("{}/vision_grpc/__main__.py", "bin/python3 -m vision_grpc"),
        ("-c", "bin/python3 -m vision_grpc"),
    ],
)
def test_the_program_is_called_as_it_was(folder: Path, program: str, called: str) -> None:
    assert next_command(arguments=["serve"], program=program.format(folder)) == f"{called} serve"


@pytest.mark.parametrize("name", ["two  blanks", "new\nline", "it's", "tab\t", "\udcff.png", "$(rm x)", "x" * 5000, ""])
def test_a_shell_reads_the_same_words(name: str) -> None:
    command = next_command(arguments=["analyze", name], program="vision-grpc").replace("vision-grpc", "printf %s\\\\0")
    words = subprocess.run([shutil.which("bash") or "bash", "-c", command], check=True, capture_output=True).stdout
    assert words == b"analyze\0" + name.encode("utf-8", "surrogateescape") + b"\0"


@pytest.mark.parametrize(
    ("arguments", "replaced"),
    [
        (["a", "--output", "5", "x"], ["a", "--output", "10", "x"]),
        (["a", "--output=5", "x"], ["a", "--output=10", "x"]),
        (["a", "-o", "5", "x"], ["a", "-o", "10", "x"]),
        (["a", "-o5", "--other", "5"], ["a", "-o10", "--other", "5"]),
        (["a", "--output"], ["a", "--output"]),
        (["a", "--output-x", "5"], ["a", "--output-x", "5"]),
        (["a", "-qo", "5", "x"], ["a", "-qo", "10", "x"]),
        (["a", "-q0vo5", "x"], ["a", "-q0vo10", "x"]),
        (["a", "-o=5"], ["a", "-o10"]),
        (["a", "-lo", "5"], ["a", "-lo", "5"]),
        (["a", "-ql", "-o", "5"], ["a", "-ql", "-o", "5"]),
        (["a", "--exclude", "-o", "5"], ["a", "--exclude", "-o", "5"]),
        (["a", "-q", "-o", "5", "-", "-q"], ["a", "-q", "-o", "10", "-", "-q"]),
        (
            ["a", "--fit", "-o", "5", "--no-progress", "-o", "6"],
            ["a", "--fit", "-o", "10", "--no-progress", "-o", "10"],
        ),
        (["a", "-o", "5", "--", "-o", "5"], ["a", "-o", "10", "--", "-o", "5"]),
        (["a", "-o", "--", "--", "-o", "5"], ["a", "-o", "10", "--", "-o", "5"]),
    ],
)
def test_an_option_gets_another_value(arguments: list[str], replaced: list[str]) -> None:
    assert replace_option(arguments, "10", "-o", "--output") == replaced
