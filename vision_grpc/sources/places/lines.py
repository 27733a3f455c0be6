"""Files that list places, read a record at a time: names may be of any bytes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from io import BufferedReader
from pathlib import Path

from vision_grpc.config import Limits
from vision_grpc.errors import Advice, Code
from vision_grpc.results import ImageError
from vision_grpc.sources.files import explain_unread
from vision_grpc.sources.item import Entry, Fault, Item, Origin, Read, Skipped
from vision_grpc.sources.places.stdin import STDIN, open_stdin
from vision_grpc.texts.quoting import quote_name

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LINE_END, NUL = b"\n", b"\0"
_NUL_SEPARATED = Advice("add", "nul_separated", "True", "if each name ends in NUL")
LINE_SEPARATED = Advice("drop", "nul_separated", "True", "if each name has a line")
_CHUNK_BYTES = 65_536
_LONGEST_BYTES = 1_048_576
# Files that are easily named in place of a list, by their first bytes.
_SIGNATURES = {
    b"\xff\xd8\xff": "a JPEG image",
    b"\x89PNG": "a PNG image",
    b"%PDF-": "a PDF document",
    b"PK\x03\x04": "a ZIP archive or an office document",
    b"\x1f\x8b": "a gzip archive",
    b"\xff\xfe": "text in UTF-16, save it as UTF-8",
    b"\xfe\xff": "text in UTF-16, save it as UTF-8",
}


def read_records(name: str, separator: bytes) -> Iterator[bytes | Fault]:
    """Yield the records of a list, also the empty ones, so that they can be counted.

    What keeps the list or the rest of it from being read is a Fault, the last to come. `STDIN` is read from there.
    """
    try:
        with _open(name) as file:
            rest, is_first = b"", True
            while chunk := file.read1(_CHUNK_BYTES):
                if is_first and (fault := _look_at(name, chunk, separator)):
                    yield fault
                    return
                is_first = False
                *records, rest = (rest + chunk).split(separator)
                yield from records
                if len(rest) > _LONGEST_BYTES:
                    yield _report_endless(name, separator)
                    return
            if rest:
                yield rest
    except IsADirectoryError:
        yield fault_of(name, "is a folder, but a list of names is a file")
    except (OSError, ValueError, MemoryError) as error:
        yield Fault(name, explain_unread(name, error))


def fault_of(name: str, fault: str, line: int | None = None, *, advice: Sequence[Advice] = ()) -> Fault:
    """Return a Fault about something that is wrong with a list, or with a line of it."""
    where = "" if line is None else f"line {line}: "
    return Fault(name, ImageError.advised(Code.INVALID_ARGUMENT, f"{quote_name(name)}: {where}{fault}", advice))


def locate(entry: Entry, origin: Origin) -> Entry:
    """Return an entry whose errors say where it was named."""
    match entry:
        case Item():
            entry.read = partial(_read, entry.read, origin)
            entry.origin = origin
            entry.error = None if entry.error is None else entry.error.at(str(origin))
            return entry
        case Fault():
            return Fault(entry.name, entry.error.at(str(origin)))
        case Skipped():
            return entry


def _read(read: Callable[[Limits], Read], origin: Origin, limits: Limits) -> Read:
    content = read(limits)
    return content.at(str(origin)) if isinstance(content, ImageError) else content


def _open(name: str) -> AbstractContextManager[BufferedReader]:
    return nullcontext(open_stdin()) if name == STDIN else Path(name).open("rb")


def _look_at(name: str, chunk: bytes, separator: bytes) -> Fault | None:
    """Return what is wrong with a list that begins like this."""
    for signature, kind in _SIGNATURES.items():
        if chunk.startswith(signature):
            return fault_of(name, f"is {kind}, expected a list of names")
    if separator == LINE_END and NUL in chunk:
        return fault_of(name, "has NUL bytes, expected a name on each line", advice=[_NUL_SEPARATED])
    return None


def _report_endless(name: str, separator: bytes) -> Fault:
    what = "a line" if separator == LINE_END else "a name"
    advice = [] if separator == LINE_END else [LINE_SEPARATED]
    return fault_of(name, f"has {what} of more than {_LONGEST_BYTES:,} bytes, expected a list of names", advice=advice)
