"""The command line where the usual comforts are missing: the same help, and one line in place of a traceback."""

import pytest
from command_line import run


@pytest.mark.parametrize("command", [(), ("analyze",), ("doctor",), ("serve",)])
def test_the_help_has_its_words_without_docstrings_too(command: tuple[str, ...]) -> None:
    usual = run(*command, "--help")
    assert usual.code == 0
    assert run(*command, "--help", variables={"PYTHONOPTIMIZE": "2"}).text == usual.text


@pytest.mark.parametrize("command", [("analyze", "--anonymous", __file__), ("doctor",), ("serve",)])
def test_the_pure_python_protobuf_is_refused_in_one_line(command: tuple[str, ...]) -> None:
    finished = run(*command, variables={"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"})
    assert finished.code == 2
    [line] = finished.complaints
    assert line.startswith("error: vision_grpc needs the upb backend of protobuf")


@pytest.mark.parametrize(
    "error", ["OSError(28, 'No space left on device', '/tmp/x')", "OSError(24, 'x')", "MemoryError()"]
)
def test_what_the_machine_lacks_is_one_line(error: str) -> None:
    program = f"""
import vision_grpc.cli.analyze as analyze
def fail(*_):
    raise {error}
analyze.show_logs = fail
from vision_grpc.cli import main
main()
"""
    finished = run("analyze", "a.png", program=("-c", program))
    assert finished.code == 2
    [line] = finished.complaints
    assert line.startswith("error: ")
