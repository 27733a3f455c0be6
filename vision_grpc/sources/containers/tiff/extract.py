"""A page of a TIFF file, made a TIFF file of its own without decoding it."""

import struct
from contextlib import suppress
from io import SEEK_END
from itertools import accumulate
from typing import IO, NamedTuple

from vision_grpc.sources.containers.tiff.directories import (
    DamagedTiffError,
    Directory,
    Entry,
    Form,
    read_directory,
    read_number,
    read_numbers,
    read_part,
    read_value,
)

# Where the pixels are, and how many bytes each strip or tile of them has.
_PIXELS = ((273, 279), (324, 325))
# Directories of their own, whose places would be wrong: smaller versions, EXIF, GPS and the like.
_ELSEWHERE = frozenset({330, 400, 34665, 34853, 40965})
# Colours, the tables of JPEG and the colour profile: as long as they are. Other long values are of no use to decoding.
_NEEDED = frozenset({320, 347, 34675})
_LONGEST_OTHER = 65_536
# The old form of JPEG in TIFF scatters its parts over the file.
_COMPRESSION, _OLD_JPEG = 259, 6
_LONG, _LONG8 = 4, 16


class TooLargeError(Exception):
    """The page has more bytes than wanted."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size:,} bytes")
        self.size = size


def extract_page(file: IO[bytes], at: int, form: Form, most_bytes: int) -> bytes:
    """Return a TIFF file that has one page: the one whose directory is at this place of another file.

    What is missing of its pixels is missing there too, and so are long values that decoding does not need. Forms that
    cannot be cut out come with all of the file.

    Raises:
        DamagedTiffError: the directory or the places of the pixels cannot be read.
        TooLargeError: it would have more bytes than this.
    """
    directory = read_directory(file, at, form)
    pixels = _find_pixels(file, directory, form)
    if pixels is None:
        return _whole_file(file, at, form, most_bytes)
    parts = _read_pixels(file, pixels, most_bytes)
    sizes = [len(part) for part in parts]
    copied = list(filter(_is_copied, directory.entries))
    # Many entries may have one and the same value.
    if (size := sum(sizes) + sum(entry.value_bytes for entry in copied)) > most_bytes:
        raise TooLargeError(size)
    values = _read_values(file, copied, form)
    # Their places are known when the length of all that comes before them is.
    values[pixels.sizes_tag] = _numbers(sizes, form)
    values[pixels.places_tag] = _numbers([0] * len(sizes), form)
    start = sum(map(len, _write_directory(values, form)))
    values[pixels.places_tag] = _numbers(list(accumulate(sizes[:-1], initial=start)), form)
    return b"".join([*_write_directory(values, form), *parts])


class _Pixels(NamedTuple):
    places_tag: int
    sizes_tag: int
    places: list[int]
    sizes: list[int]


class _Value(NamedTuple):
    type: int
    length: int
    content: bytes


def _find_pixels(file: IO[bytes], directory: Directory, form: Form) -> _Pixels | None:
    if read_number(file, directory.entry(_COMPRESSION), form) == _OLD_JPEG:
        return None
    found = [
        _Pixels(*tags, *(read_numbers(file, directory.entry(tag), form) for tag in tags))
        for tags in _PIXELS
        if directory.entry(tags[0])
    ]
    return found[0] if len(found) == 1 and len(found[0].places) == len(found[0].sizes) > 0 else None


def _read_pixels(file: IO[bytes], pixels: _Pixels, most_bytes: int) -> list[bytes]:
    parts: list[bytes] = []
    left = most_bytes
    for place, size in zip(pixels.places, pixels.sizes, strict=True):
        try:
            file.seek(place)
            part = file.read(min(size, left + 1))
        except (OverflowError, ValueError):
            part = b""
        left -= len(part)
        if left < 0:
            raise TooLargeError(sum(pixels.sizes))
        parts.append(part)
    return parts


def _read_values(file: IO[bytes], entries: list[Entry], form: Form) -> dict[int, _Value]:
    values: dict[int, _Value] = {}
    for entry in entries:
        with suppress(DamagedTiffError):
            values[entry.tag] = _Value(entry.type, entry.length, read_value(file, entry, form))
    return values


def _is_copied(entry: Entry) -> bool:
    is_short = entry.value_bytes <= _LONGEST_OTHER or entry.tag in _NEEDED
    return is_short and entry.tag not in _ELSEWHERE and entry.value_bytes > 0


def _numbers(numbers: list[int], form: Form) -> _Value:
    type_, letter = (_LONG8, "Q") if form.is_big else (_LONG, "I")
    return _Value(type_, len(numbers), struct.pack(f"{form.order}{len(numbers)}{letter}", *numbers))


def _write_directory(values: dict[int, _Value], form: Form) -> list[bytes]:
    """Return the beginning of a file with these values: its head, its directory, and the values that are too long."""
    at = len(form.head) + form.place.size
    head = form.head + form.place.pack(at)
    at += form.number.size + len(values) * form.entry.size + form.place.size
    entries: list[bytes] = []
    longer: list[bytes] = []
    for tag, value in sorted(values.items()):
        content = value.content
        if len(content) > form.place.size:
            content += b"\0" * (len(content) % 2)
            longer.append(content)
            content = form.place.pack(at)
            at += len(longer[-1])
        entries.append(form.entry.pack(tag, value.type, value.length, content))
    return [head, form.number.pack(len(values)), *entries, form.place.pack(0), *longer]


def _whole_file(file: IO[bytes], at: int, form: Form, most_bytes: int) -> bytes:
    """Return all of a file, with the page as its first."""
    size = file.seek(0, SEEK_END)
    if size > most_bytes:
        raise TooLargeError(size)
    content = read_part(file, 0, size)
    head = form.head + form.place.pack(at)
    return head + content[len(head) :]
