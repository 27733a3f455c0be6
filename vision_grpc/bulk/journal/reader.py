"""A journal's lines, for what is made of them: one at a time, their answers parsed when they are read."""

import logging
import os
from collections.abc import Iterator
from datetime import datetime
from io import FileIO
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import Raw, Struct

from vision_grpc.bulk.journal.answers import EncodedOutcome
from vision_grpc.bulk.journal.blocks import lines_of
from vision_grpc.bulk.journal.errors import JournalError
from vision_grpc.bulk.journal.header import Head, parse_first_line
from vision_grpc.bulk.journal.heads import DamagedLineError, exact_key, parse_head
from vision_grpc.bulk.keys import KeyTable
from vision_grpc.errors import Code
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
    key_bytes: str | None = None
    fitted: dict[str, Any] | None = None
    languages: list[str] | None = None
    model: str | None = None
    wire: str | None = None
    result: Raw = Raw()

    def outcome(self) -> Outcome | None:
        """Return the service's answer, None where the line keeps none."""
        if self.wire is not None:
            return EncodedOutcome(self.wire, has_error=not self.ok)
        result = bytes(self.result)
        return None if result in {b"", b"null"} else JsonOutcome(result)

    def image_result(self) -> ImageResult:
        """Return the result as a client returned it, but for the details of an error.

        Its text is that of the line: nothing is decoded for it. An answer is decoded and parsed when something else is
        read.
        """
        error = None if self.error is None else ImageError(_code(self.error.code), self.error.message)
        return ImageResult(
            self.key,
            self.outcome(),
            error,
            attempts=self.attempts,
            transport=cast("TransportName | None", self.transport),
            request_id=self.request_id,
            fitted=self.fitted,
            # An empty one is read from the answer, which is then short: a damaged answer is not an empty page.
            known_text=self.text or None,
        )


_decode = msgspec.json.Decoder(Line).decode


def read_header(path: str | os.PathLike[str]) -> Head:
    """Return what the first line of a journal says.

    Raises:
        JournalError: it is not a journal, or cannot be read.
    """
    with _open(path) as file:
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
    last: KeyTable | None = None
    if last_only:
        last = KeyTable()
        with _open(path) as file:
            for number, place in enumerate(lines_of(file)):
                try:
                    head = parse_head(place.content)
                except DamagedLineError:
                    continue
                if head is not None:
                    last.put(head.key, number)
    return _read(path, _open(path), last)


def _read(path: str | os.PathLike[str], file: FileIO, last: KeyTable | None) -> Iterator[Line]:
    damaged = 0
    with file:
        for number, place in enumerate(lines_of(file)):
            content = place.content
            try:
                line = _decode(content)
            except msgspec.DecodeError:
                if number == 0 and parse_first_line(content) is None:
                    raise _not_a_journal(path) from None
                damaged += not _is_another(content)
                continue
            if line.key_bytes is not None:
                line.key = exact_key(line.key, line.key_bytes)
            if last is None or last.get(line.key) == number:
                yield line
    if damaged:
        _log.warning("%s: lines that are not whole, as after a crash, were passed over (%d)", quote_name(path), damaged)


def _is_another(content: bytes) -> bool:
    """Return whether a line is whole, and not that of a result."""
    try:
        return parse_head(content) is None
    except DamagedLineError:
        return False


def _open(path: str | os.PathLike[str]) -> FileIO:
    try:
        return FileIO(os.fspath(path))
    except OSError as error:
        problem = f"{quote_name(path)}: cannot be read ({error.strerror})"
        raise JournalError(problem) from error


def _not_a_journal(path: str | os.PathLike[str]) -> JournalError:
    return JournalError(f"{quote_name(path)}: is not a journal")


def _code(name: str) -> Code:
    return Code.__members__.get(name, Code.UNKNOWN)
