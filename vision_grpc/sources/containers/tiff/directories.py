"""The directories of a TIFF file: a list of which each is a page, a thumbnail or a mask (TIFF 6.0, BigTIFF)."""

import struct
from io import SEEK_END
from typing import IO, NamedTuple

# More than a scanner makes in a day: a damaged file could name a directory at each of its bytes.
_MOST_DIRECTORIES = 65_535
_MOST_ENTRIES = 65_535
_MOST_BYTES_OF_VALUE = 16 * 1_048_576
_MOST_NUMBERS = 1_000_000

_ORDERS = {b"II": "<", b"MM": ">"}
_HEAD_BYTES = 8
_CLASSIC, _BIG = 42, 43

# Tag 254: bit 0 says that a picture is a smaller version of another one, bit 2 that it is a mask for one.
# Tag 255 is the older form of it, where 2 is a smaller version.
_NEW_SUBFILE_TYPE, _SUBFILE_TYPE = 254, 255
_NOT_A_PAGE = 0b101
_SMALLER = 2
# Width and height, without which no picture is.
_SIDES = (256, 257)

# How many bytes a value has, by the number of its type, and the letters of `struct` for whole numbers.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_WHOLE = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


class DamagedTiffError(Exception):
    """A part of a TIFF file is not where it should be."""


class Form(NamedTuple):
    """How a TIFF file writes its directories: a number of entries, the entries, and the place of the next directory."""

    order: str
    """`<` or `>`, as for `struct`."""

    is_big: bool

    @property
    def place(self) -> struct.Struct:
        """The form of a place in the file."""
        return struct.Struct(self.order + ("Q" if self.is_big else "I"))

    @property
    def number(self) -> struct.Struct:
        """The form of the number of entries."""
        return struct.Struct(self.order + ("Q" if self.is_big else "H"))

    @property
    def entry(self) -> struct.Struct:
        """The form of an entry: tag, type, number of values, and the values themselves or the place of them."""
        return struct.Struct(self.order + ("HHQ8s" if self.is_big else "HHI4s"))

    @property
    def head(self) -> bytes:
        """The beginning of a file, up to the place of the first directory."""
        mark = b"II" if self.order == "<" else b"MM"
        return mark + (
            struct.pack(self.order + "HHH", _BIG, 8, 0) if self.is_big else struct.pack(self.order + "H", _CLASSIC)
        )


class Entry(NamedTuple):
    """What a directory says of one thing."""

    tag: int
    type: int
    length: int
    """How many values."""

    value: bytes
    """The values, or the place of them where they are longer than this."""

    @property
    def value_bytes(self) -> int:
        """How long the values are; 0 where their type is not known."""
        return self.length * _SIZES.get(self.type, 0)


class Directory(NamedTuple):
    """What a TIFF file says of one picture."""

    entries: list[Entry]
    following: int
    """Where the next directory is; 0 after the last."""

    def entry(self, tag: int) -> Entry | None:
        """Return the entry of a tag, None if there is none."""
        return next((entry for entry in self.entries if entry.tag == tag), None)


class Pages(NamedTuple):
    """The pages of a TIFF file."""

    form: Form
    offsets: list[int]
    """Where the directory of each begins; at least one."""

    first: int
    """Where the first directory of the file is, be it a page or not."""

    is_whole: bool
    """Whether the list ends as it should."""


def find_pages(file: IO[bytes]) -> Pages | None:
    """Return where the pages of a TIFF file are; None if it is not one, or has not even one directory.

    Thumbnails and masks are no pages. A list that leads back to itself ends there.
    """
    head = file.read(2 * _HEAD_BYTES)
    form = _form_of(head)
    if form is None:
        return None
    first = at = form.place.unpack_from(head, len(form.head))[0]
    pages: list[int] = []
    others: list[int] = []
    seen: set[int] = set()
    # Directories that lie over one another would take long to be read.
    left = file.seek(0, SEEK_END)
    while at and at not in seen and len(seen) < _MOST_DIRECTORIES:
        seen.add(at)
        try:
            directory = read_directory(file, at, form)
            left -= len(directory.entries) * form.entry.size
            if left < 0:
                break
            (pages if _is_page(file, directory, form) else others).append(at)
        except DamagedTiffError:
            break
        at = directory.following
    # In a file of nothing but thumbnails, these are the pages.
    offsets = pages or others
    return Pages(form, offsets, first, is_whole=at == 0) if offsets else None


def read_directory(file: IO[bytes], at: int, form: Form) -> Directory:
    """Return the directory at a place of a file.

    Raises:
        DamagedTiffError: the file ends before the directory does, or that is absurdly long.
    """
    (count,) = form.number.unpack(read_part(file, at, form.number.size))
    if count > _MOST_ENTRIES:
        message = f"a directory has {count:,} entries"
        raise DamagedTiffError(message)
    size = count * form.entry.size
    part = read_part(file, at + form.number.size, size + form.place.size)
    entries = [Entry(*entry) for entry in form.entry.iter_unpack(part[:size])]
    return Directory(entries, form.place.unpack(part[size:])[0])


def read_numbers(file: IO[bytes], entry: Entry | None, form: Form) -> list[int]:
    """Return the whole numbers of an entry; none where the entry is missing or has other values.

    Raises:
        DamagedTiffError: the file ends before the values do, or they are absurdly many.
    """
    letter = None if entry is None else _WHOLE.get(entry.type)
    if entry is None or letter is None:
        return []
    if entry.length > _MOST_NUMBERS:
        message = f"tag {entry.tag} has {entry.length:,} numbers"
        raise DamagedTiffError(message)
    value = read_value(file, entry, form)
    return list(struct.unpack(f"{form.order}{entry.length}{letter}", value))


def read_number(file: IO[bytes], entry: Entry | None, form: Form) -> int | None:
    """Return the first whole number of an entry; None where the entry is missing or has other values.

    Raises:
        DamagedTiffError: the file ends before it.
    """
    letter = None if entry is None else _WHOLE.get(entry.type)
    if entry is None or letter is None or not entry.length:
        return None
    size = _SIZES[entry.type]
    is_here = entry.value_bytes <= len(entry.value)
    value = entry.value[:size] if is_here else read_part(file, form.place.unpack(entry.value)[0], size)
    return int(struct.unpack(form.order + letter, value)[0])


def read_value(file: IO[bytes], entry: Entry, form: Form) -> bytes:
    """Return the values of an entry as they are written.

    Raises:
        DamagedTiffError: the file ends before the values do, or they are absurdly long.
    """
    size = entry.value_bytes
    if size <= len(entry.value):
        return entry.value[:size]
    if size > _MOST_BYTES_OF_VALUE:
        message = f"tag {entry.tag} has {size:,} bytes"
        raise DamagedTiffError(message)
    return read_part(file, form.place.unpack(entry.value)[0], size)


def read_part(file: IO[bytes], at: int, size: int) -> bytes:
    """Return so many bytes at a place of a file.

    Raises:
        DamagedTiffError: the file has not so many there.
    """
    try:
        file.seek(at)
        part = file.read(size)
    except (OverflowError, ValueError) as error:
        message = f"there is no place {at:,} in a file"
        raise DamagedTiffError(message) from error
    if len(part) < size:
        message = f"the file ends before {at + size:,}"
        raise DamagedTiffError(message)
    return part


def _form_of(head: bytes) -> Form | None:
    order = _ORDERS.get(head[:2])
    if order is None or len(head) < 2 * _HEAD_BYTES:
        return None
    (version,) = struct.unpack_from(order + "H", head, 2)
    return Form(order, is_big=version == _BIG) if version in {_CLASSIC, _BIG} else None


def _is_page(file: IO[bytes], directory: Directory, form: Form) -> bool:
    if not all(directory.entry(tag) for tag in _SIDES):
        message = "there is no directory where one should be"
        raise DamagedTiffError(message)
    new, old = (read_number(file, directory.entry(tag), form) for tag in (_NEW_SUBFILE_TYPE, _SUBFILE_TYPE))
    return not (new or 0) & _NOT_A_PAGE and old != _SMALLER
