"""What a run writes itself, perhaps into a folder that it reads."""

import os
from collections.abc import Iterable


class OwnOutputs:
    """The files that a run writes, and the folders for the texts of its images."""

    def __init__(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        self._paths = {os.path.realpath(path) for path in paths}
        self._names = {os.path.basename(path) for path in self._paths}  # noqa: PTH119 - strings, for speed

    def __contains__(self, path: str) -> bool:
        """Return whether a file is one of them, or a text in one of their folders."""
        if not self._paths:
            return False
        is_text = path.lower().endswith(".txt")
        if not (is_text or os.path.basename(path) in self._names):  # noqa: PTH119
            return False
        real = os.path.realpath(path)
        return real in self._paths or (is_text and any(real.startswith(os.path.join(each, "")) for each in self._paths))  # noqa: PTH118
