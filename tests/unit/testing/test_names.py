"""The names that `vision_grpc.testing` has, without what they cost."""

import subprocess
import sys

import pytest

from vision_grpc import testing


def test_all_names_are_there() -> None:
    assert {name: getattr(testing, name) for name in testing.__all__}.keys() <= set(dir(testing))


def test_a_name_that_there_is_not() -> None:
    with pytest.raises(AttributeError, match=r"module 'vision_grpc\.testing' has no attribute 'Fake'"):
        testing.Fake  # noqa: B018


def test_the_plugin_imports_nothing_heavy() -> None:
    """pytest loads it wherever the package is installed."""
    program = "import sys, vision_grpc.testing.plugin; print(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    ours = {name for name in printed.split() if name.startswith("vision_grpc")}
    assert ours == {"vision_grpc", "vision_grpc.version", "vision_grpc.testing", "vision_grpc.testing.plugin"}
    assert not {"grpc", "google.protobuf", "PIL", "starlette"} & set(printed.split())
