"""A journal that was cut: what it has recorded, and where it has to be mended before it goes on."""

import os
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from vision_grpc.bulk.journal.accepted import parse_accepted
from vision_grpc.bulk.journal.blocks import Place, lines_of
from vision_grpc.bulk.journal.heads import DamagedLineError, LineHead, parse_billed, parse_head, read_head
from vision_grpc.bulk.journal.recorded import Recorded

# What a power loss can damage was written in the last seconds.
_CHECKED_BYTES = 64 << 20
_KEY = b'{"key":'


@dataclass(slots=True)
class Findings:
    """What has to be mended."""

    end: int
    """Where the last whole line ends; what follows is cut off."""

    lacks_line_end: bool = False
    """Whether the last whole line has no line end."""

    cut_bytes: int = 0
    """How many bytes are cut off."""

    damaged: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Parts before the end that are not JSON; each is overwritten by blanks, which all readers pass over."""


def scan(file: FileIO, recorded: Recorded) -> Findings:
    """Read the lines of a journal, note in `recorded` what they say, and return what is damaged.

    Only the last 64 MB are checked as a whole. Of a line before that, its beginning and its last byte are read: each
    run checks what the one before it may have left.
    """
    size = os.fstat(file.fileno()).st_size
    findings = Findings(end=0)
    doubtful: list[tuple[int, int]] = []
    for place in lines_of(file):
        whole_bytes, rescued = place.length, None
        try:
            head = _read(place, is_checked=place.offset >= size - _CHECKED_BYTES)
        except DamagedLineError:
            rescued, head = _rescue(place)
            whole_bytes = len(rescued)
            doubtful.append((place.offset, place.end_offset - whole_bytes))
        if whole_bytes or not place.length:
            findings.damaged += doubtful
            doubtful.clear()
            findings.end = place.end_offset + place.is_ended
            findings.lacks_line_end = not place.is_ended
        if head is not None:
            recorded.note(head)
        else:
            _note_other(place.content if rescued is None else rescued, recorded)
    findings.cut_bytes = max(0, size - findings.end)
    return findings


def mend(path: Path, findings: Findings) -> None:
    """Mend a journal as its findings say.

    Raises:
        OSError: it cannot be written.
    """
    if not (findings.damaged or findings.cut_bytes or findings.lacks_line_end):
        return
    # Not through the descriptor that appends: on Linux, it appends whatever position it is given.
    with FileIO(path, "r+") as file:
        for start, end in findings.damaged:
            file.seek(start)
            file.write(b" " * (end - start))
        file.truncate(findings.end)
        if findings.lacks_line_end:
            file.seek(findings.end)
            file.write(b"\n")
        os.fsync(file.fileno())


def _read(place: Place, *, is_checked: bool) -> LineHead | None:
    if not is_checked and place.is_ended:
        return read_head(place.buffer, place.start, place.end)
    content = place.content
    # Without a line end, only an object says by itself that it is whole.
    if not place.is_ended and not content.startswith(b"{"):
        raise DamagedLineError
    return parse_head(content)


def _rescue(place: Place) -> tuple[bytes, LineHead | None]:
    """Return the whole line that follows the damage in a damaged line, empty if there is none, and its head.

    A line that was torn has no line end, so that what is appended to it looks like one line with it.
    """
    content = place.content
    position = content.find(_KEY, 1)
    while position > 0:
        try:
            return content[position:], parse_head(content[position:])
        except DamagedLineError:
            position = content.find(_KEY, position + 1)
    return b"", None


def _note_other(line: bytes, recorded: Recorded) -> None:
    """Note what a line says that is not that of a result."""
    if (billed := parse_billed(line)) is not None:
        recorded.note_billed(billed)
    elif (accepted := parse_accepted(line)) is not None:
        recorded.note_accepted(accepted)
