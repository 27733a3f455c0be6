"""An engine that reads nothing and answers what it is told: for tests of the service, and for its own cost."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from vision_grpc.errors import ServiceError
from vision_grpc.local.ocr.engine import GivenUpError, UnreadableImageError
from vision_grpc.messages import TextAnnotation

Script = Callable[[bytes], TextAnnotation | Exception]
"""From a file's bytes to its text, or to the exception that is raised in place of it."""


class ScriptedEngine:
    """Answers what `script` says about a file. It decodes nothing, so that files may be any bytes.

    The script is asked once for a file, on one of the service's OCR threads, which it may block.
    """

    def __init__(self, script: Script) -> None:
        self._script = script

    def open(self, content: bytes) -> "ScriptedPicture":
        """Return the file with what the script says about it.

        Raises:
            UnreadableImageError, ServiceError: the script says so.
        """
        answer = self._script(content)
        if isinstance(answer, UnreadableImageError | ServiceError):
            raise answer
        return ScriptedPicture(answer)


class ScriptedPicture(NamedTuple):
    """A file that has its text already."""

    answer: TextAnnotation | Exception
    complete: bool = True

    def recognize(
        self,
        *,
        languages: Sequence[str],  # noqa: ARG002 - the script knows the file alone
        model: str,  # noqa: ARG002
        give_up: Callable[[], bool],
    ) -> TextAnnotation:
        """Return the text that the script gave.

        Raises:
            GivenUpError: `give_up` returned true.
            Exception: the one that the script gave.
        """
        if give_up():
            raise GivenUpError
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer
