"""The answers of a task that an engine may run again, kept where its next attempt takes them from."""

import logging
from collections.abc import Iterable, Iterator
from functools import cache, partial
from pathlib import Path

from msgspec import Struct, msgpack

from vision_grpc.arrow.analysis.answer_file import AnswerFile
from vision_grpc.arrow.analysis.digest import Digest
from vision_grpc.arrow.schema import Detail
from vision_grpc.config import Limits
from vision_grpc.errors import ProtocolError, TransportName
from vision_grpc.results import ImageResult
from vision_grpc.results.outcomes import WireOutcome
from vision_grpc.sources.files import ImageSource, read_image
from vision_grpc.sources.image import FittedImage, Image, Recalled

_LOG = logging.getLogger("vision_grpc.arrow")


class KeptAnswers:
    """Puts the answers that were kept in the place of images, and keeps those that come, as far as rows need them.

    An answer is kept before the next call leaves, so that a process that is killed loses those of calls under way
    alone. Whatever is wrong with the file, images are read as without it.
    """

    def __init__(self, file: AnswerFile, task: str, detail: Detail) -> None:
        self._file = file
        self._digest = Digest(task)
        self._detail: Detail = detail
        self._keeps = True

    def recall(self, images: Iterable[ImageSource], limits: Limits) -> Iterator[ImageSource]:
        """Yield the images, those whose answers were kept as Recalled."""
        for image in images:
            # What is in a file or a store is known once it is read, and what is too large is not copied.
            read = read_image(image, 0, limits)
            yield self._place(read) if isinstance(read, Image) else read

    def _place(self, image: Image) -> ImageSource:
        digest = self._digest(image.key, bytes(image.content))
        if (kept := self._find(digest)) is not None:
            return Recalled(image.key, _result_of(image.key, kept))
        noted = FittedImage(*image)
        # It is called as soon as a call is answered, while results wait for those before them.
        noted.restore = partial(self._note, digest)
        return noted

    def _find(self, digest: bytes) -> bytes | None:
        try:
            return self._file.find(digest)
        except OSError as error:
            say_not_kept_in(self._file.folder, error)
            return None

    def _note(self, digest: bytes, result: ImageResult) -> ImageResult:
        if self._keeps and (content := _pack(result, self._detail)) is not None:
            try:
                self._file.append(digest, content)
            except OSError as error:
                self._keeps = False
                say_not_kept_in(self._file.folder, error)
        return result


def say_not_kept_in(folder: Path, error: OSError) -> None:
    """Log, once for each fault of a folder, that answers are not kept in it."""
    say_not_kept(f"{folder}: {error.strerror}")


@cache
def say_not_kept(fault: str) -> None:
    """Log, once for each fault, that answers are not kept."""
    message = "answers are not kept, so a task that is run again is billed again: %s; or give a tape by cache="
    _LOG.warning(message, fault)


class _Kept(Struct, array_like=True):
    attempts: int
    transport: TransportName | None
    request_id: str | None
    text: str | None
    wire: bytes | None


_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(_Kept).decode


def _pack(result: ImageResult, detail: Detail) -> bytes | None:
    """Return what the row of a result needs of it; None where it has an error, or an answer that is no valid text."""
    if result.error is not None or result.outcome is None:
        return None
    try:
        text = result.text if detail == "text" else result.known_text
        wire = None if detail == "text" else result.outcome.wire()
        return _encode(_Kept(result.attempts, result.transport, result.request_id, text, wire))
    except (ProtocolError, UnicodeEncodeError):
        return None


def _result_of(key: str, content: bytes) -> ImageResult:
    kept = _decode(content)
    outcome = None if kept.wire is None else WireOutcome(kept.wire, has_error=False)
    return ImageResult(
        key, outcome, attempts=kept.attempts, transport=kept.transport, request_id=kept.request_id, known_text=kept.text
    )
