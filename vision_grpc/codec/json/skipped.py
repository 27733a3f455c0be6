"""What a lenient reader of a document leaves out."""

from dataclasses import dataclass, field

_PATHS_KEPT = 8


@dataclass(slots=True)
class Skipped:
    """The fields that a document has and its message does not; there may be millions."""

    count: int = 0
    paths: list[str] = field(default_factory=list[str])
    """Where the first few of them are."""

    def add(self, path: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.paths) < _PATHS_KEPT:
            self.paths.append(path)
