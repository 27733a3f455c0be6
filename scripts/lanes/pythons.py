"""The Pythons of this machine."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path


@cache
def find_python(version: str) -> Path | None:
    """Return the Python of this version, as "3.12", or None where there is none: one on the PATH, or pyenv's newest."""
    for candidate in _candidates(version):
        # By running it: a version manager's stand-in may be on the PATH for a Python that is not selected.
        program = "import sys; print(sys.version_info[:2])"
        asked = subprocess.run([candidate, "-c", program], capture_output=True, text=True, check=False)
        if asked.returncode == 0 and asked.stdout.startswith(str(tuple(map(int, version.split("."))))):
            # Where it is itself: not each Python finds its library from a link.
            return candidate.resolve()
    return None


def _candidates(version: str) -> Iterator[Path]:
    if found := shutil.which(f"python{version}"):
        yield Path(found)
    root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    yield from sorted(root.glob(f"versions/{version}.*/bin/python"), reverse=True)
