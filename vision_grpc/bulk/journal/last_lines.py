"""The last line of each key in journals: found in one pass over the files, and then read one by one."""

import os
import re
from array import array
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from io import FileIO
from typing import NamedTuple

from vision_grpc.bulk.journal.blocks import Place, lines_of
from vision_grpc.bulk.journal.errors import JournalError
from vision_grpc.bulk.journal.heads import DamagedLineError, parse_head, read_head
from vision_grpc.bulk.journal.reader import Line, check_first_line, decode_line, open_journal
from vision_grpc.bulk.keys import KeyTable
from vision_grpc.errors import Advice
from vision_grpc.texts.quoting import quote_name

_WIRE = b',"wire":"'
_PAGE = re.compile(r"(?s)(.+)#page=(\d{1,9})\Z")


class _Found(NamedTuple):
    file: int
    offset: int
    length: int


class LastLines:
    """Finds the last line of each key in journals; of a key that several of them have, that of the last journal counts.

    It takes some 30 bytes a line, and 34 a key. A line is trusted if it begins and ends as one; what else is wrong with
    it is found when it is read, and then the line before it of the same key counts.

    Messages call the files by their `names`, if they have others than the paths. `found` is called for each key while
    the files are read for the first time, which takes long if they are large.

    Raises:
        JournalError: a file is not a journal, or cannot be read, or only once as a pipe.
    """

    def __init__(
        self,
        paths: Sequence[str | os.PathLike[str]],
        *,
        names: Sequence[str] | None = None,
        found: Callable[[], None] | None = None,
    ) -> None:
        self._paths = paths
        self._shown = paths if names is None else names
        self._found = found
        self._opened: list[os.stat_result] = []
        self._files, self._offsets, self._lengths = array("H"), array("Q"), array("I")
        # How long a line is up to its answer in wire format, 0 where that is not known.
        self._beginnings = array("I")
        # Of pages of documents: the number of the document's first line here, and that of the page.
        self._documents, self._pages = array("I"), array("I")
        self._keys, self._names = KeyTable(), KeyTable()
        self._has_pages = False
        self._damaged = 0
        for number, path in enumerate(paths):
            with open_journal(path) as file:
                if not file.seekable():
                    problem = f"{quote_name(self._shown[number])}: cannot be read twice, as it is no file"
                    raise JournalError(problem, advice=[Advice("copy it to a file")])
                self._opened.append(os.fstat(file.fileno()))
                for position, place in enumerate(lines_of(file)):
                    self._add(number, place, is_first=position == 0)
        del self._keys, self._names
        self._count = sum(length > 0 for length in self._lengths)

    def __len__(self) -> int:
        """Return the number of different keys."""
        return self._count

    def read(self, *, texts_only: bool = False, by_document: bool = False) -> Generator[Line, None, int]:
        """Yield the lines in the order of the files; return how many lines are not whole.

        With `texts_only`, answers in wire format are not read where the line has its text. With `by_document`, the
        pages of a document stand together at the place of the first, in their order.

        Raises:
            JournalError: a file cannot be read, or another one has its name by now.
        """
        lost: set[str] = set()
        with ExitStack() as stack:
            files = [stack.enter_context(open_journal(path)) for path in self._paths]
            for file, opened, name in zip(files, self._opened, self._shown, strict=True):
                if not os.path.samestat(os.fstat(file.fileno()), opened):
                    problem = f"{quote_name(name)}: was replaced while it was read"
                    raise JournalError(problem, advice=[Advice("try again")])
            for number in self._order(by_document=by_document):
                if not self._lengths[number]:
                    continue
                place = _Found(self._files[number], self._offsets[number], self._lengths[number])
                line = None
                if texts_only and self._beginnings[number]:
                    line = decode_line(_read(files, place, self._beginnings[number]) + b"}")
                # Without a text, only the answer says whether the page is empty.
                if line is None or not line.text:
                    content = _read(files, place, place.length)
                    line = decode_line(content)
                    if line is None:
                        lost |= _key_of(content)
                        continue
                yield line
            if lost:
                yield from self._rescue(files, lost)
        return self._damaged + len(lost)

    def _add(self, file: int, place: Place, *, is_first: bool) -> None:
        try:
            head = read_head(place.buffer, place.start, place.end)
        except DamagedLineError:
            head = None
            self._damaged += not is_first
        if is_first and head is None:
            self._damaged += check_first_line(self._shown[file], place.content)
        if head is None:
            return
        number = len(self._offsets)
        if (before := self._keys.put(head.key, number)) is not None:
            self._lengths[before] = 0
        elif self._found is not None:
            self._found()
        self._files.append(file)
        self._offsets.append(place.offset)
        self._lengths.append(place.length)
        self._beginnings.append(_beginning_of(place))
        page = _PAGE.match(head.key) if "#page=" in head.key else None
        if page is None:
            self._documents.append(number)
            self._pages.append(0)
            return
        first = self._names.add(page[1], number)
        self._documents.append(number if first is None else first)
        self._pages.append(int(page[2]))
        self._has_pages = True

    def _order(self, *, by_document: bool) -> Iterable[int]:
        everything = range(len(self._offsets))
        if not (by_document and self._has_pages):
            return everything
        return sorted(everything, key=lambda number: self._documents[number] << 32 | self._pages[number])

    def _rescue(self, files: Sequence[FileIO], lost: set[str]) -> Iterator[Line]:
        """Yield the last whole line of each key whose last line turned out to be damaged."""
        found: dict[str, _Found] = {}
        for number, file in enumerate(files):
            file.seek(0)
            for place in lines_of(file):
                try:
                    head = read_head(place.buffer, place.start, place.end)
                    if head is not None and head.key in lost and parse_head(place.content) is not None:
                        found[head.key] = _Found(number, place.offset, place.length)
                except DamagedLineError:
                    continue
        for last in found.values():
            line = decode_line(_read(files, last, last.length))
            if line is not None:
                yield line


def _beginning_of(place: Place) -> int:
    """Return how long a line is up to its answer in wire format; 0 if that is not there, or not the end of the line."""
    quote = place.buffer.rfind(b'"', place.start, place.end - 2)
    beginning = quote + 1 - len(_WIRE)
    # Within a text, a quote follows a backslash: this is a name.
    return beginning - place.start if place.buffer.startswith(_WIRE, max(beginning, place.start)) else 0


def _read(files: Sequence[FileIO], place: _Found, length: int) -> bytes:
    return os.pread(files[place.file].fileno(), length, place.offset)


def _key_of(content: bytes) -> set[str]:
    try:
        head = read_head(content, 0, len(content))
    except DamagedLineError:  # It was mended meanwhile.
        return set()
    return set() if head is None else {head.key}
