"""A journal's lines, for what is made of them: one at a time, their answers parsed when they are read."""

import logging
import os
from collections.abc import Generator, Iterator
from datetime import datetime
from io import FileIO
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import Raw, Struct

from vision_grpc.bulk.journal.answers import EncodedOutcome, PagesOutcome
from vision_grpc.bulk.journal.blocks import lines_of
from vision_grpc.bulk.journal.errors import JournalError
from vision_grpc.bulk.journal.header import BEGINNING, Head, check_format, parse_first_line
from vision_grpc.bulk.journal.heads import DamagedLineError, exact_key, parse_head
from vision_grpc.errors import Advice, Code
from vision_grpc.messages import Status
from vision_grpc.results import ImageError, ImageResult, Outcome
from vision_grpc.results.outcomes import JsonOutcome
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from vision_grpc.errors import TransportName

_log = logging.getLogger(__name__)


class LineError(Struct):
    """Why an image has no result."""

    code: str
    message: str = ""


class Line(Struct):
    """The line of a result."""

    key: str
    """The key as it is inside the program: of a name that is not UTF-8, with surrogates (PEP 383)."""

    ok: bool
    retryable: bool = False
    error: LineError | None = None
    text: str = ""
    attempts: int = 0
    request_id: str | None = None
    transport: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    operation: str | None = None
    key_bytes: str | None = None
    fitted: dict[str, Any] | None = None
    languages: list[str] | None = None
    model: str | None = None
    wire: str | None = None
    result: Raw = Raw()
    pages: list[Raw] | None = None
    """The pages of ocr/v1, in place of `result`, each a RecognizeTextResponse."""

    def outcome(self) -> Outcome | None:
        """Return the service's answer, None where the line keeps none."""
        if self.wire is not None:
            return EncodedOutcome(self.wire, has_error=not self.ok)
        if self.pages is not None:
            error = self._image_error()
            status = None if error is None else Status(code=error.code, message=error.message)
            return PagesOutcome([bytes(page) for page in self.pages], status)
        result = bytes(self.result)
        return None if result in {b"", b"null"} else JsonOutcome(result)

    def image_result(self) -> ImageResult:
        """Return the result as a client returned it, but for the details of an error.

        Its text is that of the line: nothing is decoded for it. An answer is decoded and parsed when something else is
        read.
        """
        return ImageResult(
            self.key,
            self.outcome(),
            self._image_error(),
            attempts=self.attempts,
            transport=cast("TransportName | None", self.transport),
            request_id=self.request_id,
            operation_id=self.operation,
            fitted=self.fitted,
            # An empty one is read from the answer, which is then short: a damaged answer is not an empty page.
            known_text=self.text or None,
        )

    def _image_error(self) -> ImageError | None:
        if self.error is not None:
            return ImageError(_code(self.error.code), self.error.message, is_lasting=not self.retryable)
        return None if self.ok else ImageError(Code.UNKNOWN, "its line in the journal does not say why it failed")


_RESULT = b'{"key":'
_decode = msgspec.json.Decoder(Line).decode


def read_header(path: str | os.PathLike[str]) -> Head:
    """Return what the first line of a journal says.

    Raises:
        JournalError: it is not a journal, or cannot be read.
    """
    with open_journal(path) as file:
        first = next(lines_of(file), None)
        head = None if first is None else parse_first_line(first.content)
    if head is None:
        raise _not_a_journal(path)
    return head


def read_journal(path: str | os.PathLike[str], *, last_only: bool = False) -> Iterator[Line]:
    """Yield the lines of results, in the file's order; of a key that has several, the last one counts.

    With `last_only`, only that is yielded; the file is then read twice. A file without a first line, as
    `--format jsonl` prints it to stdout, is read, too. Lines that are not whole are passed over, and logged.

    Raises:
        JournalError: it is not a journal, or cannot be read.
    """
    if last_only:
        from vision_grpc.bulk.journal.last_lines import LastLines

        return _log_damage(LastLines([path]).read(), path)
    return _log_damage(_read_open(open_journal(path), path), path)


def _read_open(file: FileIO, path: str | os.PathLike[str]) -> Generator[Line, None, int]:
    with file:
        return (yield from read_lines(file, path))


def _log_damage(lines: Generator[Line, None, int], path: str | os.PathLike[str]) -> Iterator[Line]:
    if damaged := (yield from lines):
        _log.warning("%s: lines that are not whole, as after a crash, were passed over (%d)", quote_name(path), damaged)


def read_lines(file: FileIO, name: str | os.PathLike[str]) -> Generator[Line, None, int]:
    """Yield the lines of results of an open file, which may be a pipe; return how many lines are not whole.

    Raises:
        JournalError: it is not a journal; `name` is what the message calls it.
    """
    damaged = 0
    for number, place in enumerate(lines_of(file)):
        content = place.content
        if (line := decode_line(content)) is not None:
            yield line
        elif number == 0:
            damaged += check_first_line(name, content)
        else:
            damaged += not _is_another(content)
    return damaged


def decode_line(content: bytes) -> Line | None:
    """Return the line of a result, None if it is of another kind or not whole."""
    try:
        line = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if line.key_bytes is not None:
        line.key = exact_key(line.key, line.key_bytes)
    return line


def check_first_line(name: str | os.PathLike[str], content: bytes) -> bool:
    """Pass the first line of a journal that is no result; return whether it is damaged.

    Raises:
        JournalError: it is not that of a journal, or of one in another version of the format.
    """
    if (head := parse_first_line(content)) is not None:
        check_format(head, quote_name(name), [Advice("use that program")])
        return False
    if content.startswith((BEGINNING, _RESULT)):
        return True
    raise _not_a_journal(name)


def _is_another(content: bytes) -> bool:
    """Return whether a line is whole, and not that of a result."""
    try:
        return parse_head(content) is None
    except DamagedLineError:
        return False


def open_journal(path: str | os.PathLike[str]) -> FileIO:
    """Return the open file.

    Raises:
        JournalError: it cannot be read.
    """
    try:
        return FileIO(os.fspath(path))
    except OSError as error:
        problem = f"{quote_name(path)}: cannot be read ({error.strerror})"
        raise JournalError(problem) from error


def _not_a_journal(path: str | os.PathLike[str]) -> JournalError:
    return JournalError(f"{quote_name(path)}: is not a journal")


def _code(name: str) -> Code:
    return Code.__members__.get(name, Code.UNKNOWN)
