"""Why a journal cannot be begun, continued, written or read."""

import errno
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from vision_grpc.errors import Advice, AdvisedError, MachineError
from vision_grpc.texts.quoting import quote_name

NAME_ANOTHER = Advice("name another file")
BEGIN_ANEW = Advice("pass", "restart", "True", "to begin anew and keep the old file aside")
"""The two ways out that most refusals have."""


def name_of(path: Path) -> str:
    """Return the name of a journal as its user would write it here."""
    try:
        return quote_name(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return quote_name(path)


class JournalError(AdvisedError):
    """A journal cannot be begun, continued, written or read; the message names the file and what to do."""

    @classmethod
    def of(cls, error: OSError, path: Path) -> "JournalError":
        """Return what an error of the system says about the journal at a path."""
        name = name_of(path)
        if shortage := MachineError.of(error, f"{name}: cannot be written"):
            return JournalError(shortage.problem, advice=shortage.advice)
        problem, advice = _EXPLAINED.get(error.errno or 0, (f"cannot be written ({error.strerror})", NAME_ANOTHER))
        return JournalError(f"{name}: {problem}", advice=[advice])


_EXPLAINED = {
    errno.EACCES: ("may not be written", Advice("check the permissions of the file and its folder")),
    errno.EPERM: ("may not be written", Advice("check the permissions of the file and its folder")),
    errno.EROFS: ("is on a disk that may only be read", NAME_ANOTHER),
    errno.EISDIR: ("is a folder", Advice("name a file in it")),
    errno.ENOENT: ("its folder does not exist", Advice("make the folder")),
    errno.ENOTDIR: ("its folder is a file", NAME_ANOTHER),
    errno.ENAMETOOLONG: ("its name is too long", NAME_ANOTHER),
    errno.ELOOP: ("is a link that leads to itself", NAME_ANOTHER),
}


class Difference(NamedTuple):
    """A setting that a journal was begun with and that is another one now."""

    setting: str
    before: str
    now: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.before} in the journal, {self.now} now"


class OtherSettingsError(JournalError):
    """A journal was begun with other settings; `differences` has all of them."""

    def __init__(self, problem: str, differences: Sequence[Difference], *, advice: Iterable[Advice] = ()) -> None:
        super().__init__(problem, advice=advice)
        self.differences: tuple[Difference, ...] = tuple(differences)
