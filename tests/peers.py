"""Programs of others that tests run; scripts/test installs them where it can."""

import shutil

import pytest


def program(name: str, where: str = "scripts/test installs it on Debian") -> str:
    """Return the path of a program, or skip the test on a machine without it; `where` says how to get it."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not on the PATH; {where}")
    return path
