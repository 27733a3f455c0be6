"""What a run writes itself, perhaps into a folder that it reads."""

import os
import re
from collections.abc import Iterable, Iterator

_PARTIAL = ".partial"
_NUMBER = re.compile(r"\.[1-9][0-9]*$")


class OwnOutputs:
    """The files that a run writes, and the folders for the texts of its images.

    Of a file `out`, those of earlier runs are among them: `out.1` that `--restart` keeps aside, and `out.partial` or
    `out.2.partial` of a run that was cut.
    """

    def __init__(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        # Of a link, what it leads to is written, and the link itself is not an image, either.
        self._paths = {each for path in paths for each in (os.path.realpath(path), _in_real_folder(os.fspath(path)))}
        self._names = {os.path.basename(path) for path in self._paths}  # noqa: PTH119 - strings, for speed

    def __contains__(self, path: str) -> bool:
        """Return whether a file is one of them, or a text in one of their folders."""
        if not self._paths:
            return False
        folder, name = os.path.split(path)
        if any(original in self._names for original in _originals(name)):
            real_folder = os.path.realpath(folder)
            if any(os.path.join(real_folder, original) in self._paths for original in _originals(name)):  # noqa: PTH118
                return True
            if os.path.realpath(path) in self._paths:
                return True
        if not name.lower().endswith(".txt"):
            return False
        real = os.path.realpath(path)
        return any(real.startswith(os.path.join(each, "")) for each in self._paths)  # noqa: PTH118


def _originals(name: str) -> Iterator[str]:
    """Yield the names of outputs that may have left a file of this name."""
    yield name
    whole = name.removesuffix(_PARTIAL)
    if whole != name:
        yield whole
    if (unnumbered := _NUMBER.sub("", whole)) != whole:
        yield unnumbered


def _in_real_folder(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)  # noqa: PTH118
