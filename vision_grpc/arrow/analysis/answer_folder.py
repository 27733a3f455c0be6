"""The folder in which the tasks of a machine keep their answers."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time

from vision_grpc.arrow.analysis.answer_file import AnswerFile
from vision_grpc.arrow.analysis.kept_answers import KeptAnswers, say_not_kept_in
from vision_grpc.arrow.schema import Detail

_PREFIX = "vision-grpc-answers-"
# Of tasks that failed for good, or whose process ended. One that is under way writes more often.
_MOST_AGE_S = 6 * 3600


class AnswerFolders:
    """Opens the files of the tasks of this process, which come one after the other."""

    def __init__(self) -> None:
        self._finished: Path | None = None

    @contextmanager
    def kept(self, folder: Path, task: str, detail: Detail, *, is_repeated: bool) -> Generator[KeptAnswers | None]:
        """Hand out the answers of a task; None where they cannot be kept, which is logged.

        Only a task that `is_repeated` gets those of its earlier attempts. The file stays when all images are read, as
        the task may still fail. It is removed when this process begins the next task, and with it those that nobody has
        written to for six hours.
        """
        path = folder / f"{_PREFIX}{task}"
        try:
            self._clean(path)
            file = AnswerFile(path, reads=is_repeated)
        except OSError as error:
            say_not_kept_in(folder, error)
            yield None
            return
        try:
            yield KeptAnswers(file, task, detail)
            self._finished = path
        finally:
            file.close()

    def _clean(self, next_one: Path) -> None:
        before, self._finished = self._finished, None
        # A task may read several partitions.
        if before is not None and before != next_one:
            before.unlink(missing_ok=True)
        for path in next_one.parent.glob(f"{_PREFIX}*"):
            with suppress(OSError):  # It is gone already, or belongs to another user.
                if time() - path.stat(follow_symlinks=False).st_mtime > _MOST_AGE_S:
                    path.unlink()
