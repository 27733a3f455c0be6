"""The pictures that results are about, found by the results' keys, in the pixels that the boxes are in.

Files are read that the keys name: of a journal that comes from somebody else, name the folder that they may lie in.
Nothing is fetched over a network.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from vision_grpc.config import Limits
from vision_grpc.errors import MachineError, ProtocolError
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.results.pixels import UPRIGHT, PixelMap, swap_size
from vision_grpc.sources.containers.openers import document_opener_of, suffix_of_content
from vision_grpc.sources.extras import describe_missing
from vision_grpc.sources.files import explain_unread, read_file, read_head
from vision_grpc.sources.fit.change import Fitted, UnfitError
from vision_grpc.sources.formats import MOST_BYTES
from vision_grpc.sources.item import Item
from vision_grpc.sources.kinds import CONTAINERS, suffix_of
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.stdin import STDIN
from vision_grpc.sources.places.urls import STORE_SCHEMES, scheme_of
from vision_grpc.texts.encoded import encoding_of
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from PIL import Image

_PAGE = re.compile(r"(?P<document>.+)#page=[1-9][0-9]{0,9}", re.DOTALL)
_BARE_BYTES = re.compile(r"#[0-9]+")
_PDF = ".pdf"
_TURNED_BY_PILLOW = "TIFF"
# All others undo themselves.
_UNDONE_BY = {6: 8, 8: 6}
# A page's width and height are kept with three decimals.
POINTS_WITHIN = 0.01


class Missing(NamedTuple):
    """Why a picture is not at hand."""

    reason: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in the pixels that the boxes of its result are in."""

    image: "Image.Image"
    """Without transparency, in one of the modes 1, L, P and RGB. It may be smaller than `size`, if that was allowed."""

    size: tuple[int, int]
    """Width and height in the pixels of the boxes."""

    orientation: int = UPRIGHT
    """How the picture is turned or mirrored to be upright, as a number of EXIF."""

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height as the picture is to be seen, in the pixels of the boxes."""
        return swap_size(self.size, self.orientation)

    def upright(self) -> "Image.Image":
        """Return the picture as it is to be seen."""
        from vision_grpc.pictures.orientation import turn

        return turn(self.image, self.orientation)

    def to_upright(self, x: int, y: int) -> tuple[int, int]:
        """Return where a point of a box lies in the upright picture, of the size `upright_size`."""
        return to_upright(x, y, self.size, self.orientation)


class PdfPage(NamedTuple):
    """A page of a PDF, which is a picture once it is rendered."""

    path: str
    number: int
    """From 1."""


_NO_IMAGE = Missing("the file is a document now")


class _Place(NamedTuple):
    """A file, or a page in it."""

    path: str
    key: str
    """The path, and which page it is, where it is one."""

    suffix: str
    """That of a document, as the file's content says; empty for an image."""


class Pictures:
    """Finds the pictures of results.

    Without a folder, keys are paths as the run had them, relative ones from the current folder. With a folder, the
    picture of `/data/scans/a.png` is looked for there as `data/scans/a.png`, then `scans/a.png`, then `a.png`, and
    no file outside of the folder is read, unless a link in it leads out.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self._folder = None if folder is None else os.fspath(folder)
        # The pages of a document mostly come one after the other.
        self._document: tuple[str, Mapping[str, Item]] | None = None

    def find(self, result: ImageResult, *, most_pixels: int | None = None) -> Picture | Missing:
        """Return the picture of a result, or why it is not at hand.

        With `most_pixels` it may come in a smaller size, with not many fewer pixels than that, which takes less time.
        """
        if (reason := _explain_no_file(result.key)) is not None:
            return Missing(reason)
        place = self._place(result)
        found = place if isinstance(place, Missing) else self._read(place, most_pixels)
        try:
            if isinstance(found, Fitted):
                return _picture_of_page(found, result, most_pixels)
            return _decode(found, result, most_pixels) if isinstance(found, bytes) else found
        except UnfitError as error:
            return Missing(str(error))
        except ImportError as error:
            return Missing(describe_missing(error, "images"))
        except MemoryError as error:
            return Missing(str(MachineError.of(error, "cannot be decoded now")))

    def original(self, result: ImageResult) -> bytes | PdfPage | Missing:
        """Return the content of the file that a result is about, or where a page of a PDF is; or why it is not at hand.

        A page of a TIFF file is the content of a TIFF file that has this page alone.
        """
        if (reason := _explain_no_file(result.key)) is not None:
            return Missing(reason)
        place = self._place(result)
        if isinstance(place, Missing):
            return place
        if place.suffix == _PDF:
            return PdfPage(place.path, int(place.key.rpartition("=")[2])) if place.key != place.path else _NO_IMAGE
        read = self._read(place, None)
        return read.content if isinstance(read, Fitted) else read

    def _place(self, result: ImageResult) -> _Place | Missing:
        key = result.key
        path = self._locate(key)
        page = ""
        if isinstance(path, Missing) and (found := _PAGE.fullmatch(key)) is not None:
            path, page = self._locate(found["document"]), key.removeprefix(found["document"])
        if isinstance(path, Missing):
            return path
        try:
            suffix = suffix_of_content(read_head(path))
        except (OSError, ValueError, MemoryError) as error:
            return _reason_of(explain_unread(path, error), path)
        if suffix == _PDF and not page and _is_of_document(result):
            page = "#page=1"
        return _Place(path, path + page, suffix)

    def _read(self, place: _Place, most_pixels: int | None) -> bytes | Fitted | Missing:
        """Return the content of a file, or a page, where it is rendered; a reason where it is none of both."""
        path, key, suffix = place
        limits = Limits(content_bytes=MOST_BYTES, pixels=Limits().pixels if most_pixels is None else most_pixels)
        if not suffix:
            if key != path:
                return Missing("the file is not a document with pages")
            read = read_file(path, limits)
            return _reason_of(read, path) if isinstance(read, ImageError) else read
        item = self._pages(path, suffix).get(key)
        if item is None:
            return Missing("the document does not have this page") if key != path else _NO_IMAGE
        page = item.read(limits)
        if isinstance(page, ImageError):
            return _reason_of(page, key, path)
        return page if isinstance(page, bytes | Fitted) else page.content

    def _pages(self, path: str, suffix: str) -> Mapping[str, Item]:
        if self._document is None or self._document[0] != path:
            options = SourceOptions(fit=True)
            open_document = document_opener_of(suffix, options)
            entries = () if open_document is None else open_document(path, path, options)
            self._document = path, {entry.key: entry for entry in entries if isinstance(entry, Item)}
        return self._document[1]

    def _locate(self, key: str) -> str | Missing:
        """Return the path of a regular file: to read a pipe or a device might never end."""
        reason = None
        for path in [key] if self._folder is None else _paths_in(self._folder, key):
            try:
                mode = os.stat(path).st_mode  # noqa: PTH116 - names that are not UTF-8 too
            except (OSError, ValueError) as error:
                reason = reason or _reason_of(explain_unread(path, error), path)
                continue
            if stat.S_ISREG(mode):
                return path
            reason = Missing("is a folder" if stat.S_ISDIR(mode) else "is not a regular file")
        return reason or Missing("is not in the folder of the images")


def _is_of_document(result: ImageResult) -> bool:
    """Return whether a whole document may have been sent, as ocr/v1 takes it; here it has one page."""
    try:
        return bool(result.raw) and not result.has_confidence
    except ProtocolError:
        return False


def _explain_no_file(key: str) -> str | None:
    """Return why an image of this key was no file by itself, None if it may have been one."""
    container, separator, _ = key.rpartition("#")
    if separator and suffix_of(container) in CONTAINERS:
        return f"is in {quote_name(container)}, which is not opened for pictures"
    if (scheme := scheme_of(key)) is not None:
        where = "in a store" if scheme in STORE_SCHEMES else f"at an address with {scheme}://"
        return f"is {where}, from where pictures are not fetched"
    if key == STDIN:
        return "was read from stdin"
    if _BARE_BYTES.fullmatch(key) or encoding_of(key) is not None:
        return "was given as bytes, not as a file"
    return None


def _paths_in(folder: str, key: str) -> Iterator[str]:
    """Yield where a file may lie in a folder: below as much of its path as possible first."""
    parts = [part for part in key.split("/") if part not in {"", "."}]
    if os.pardir in parts:
        # What comes before it cannot be followed, as it may have been a link.
        parts = parts[len(parts) - parts[::-1].index(os.pardir) :]
    for first in range(len(parts)):
        yield os.path.join(folder, *parts[first:])  # noqa: PTH118 - names that are not UTF-8 too


def _reason_of(error: ImageError, *names: str) -> Missing:
    message = error.message
    for name in names:
        message = message.removeprefix(f"{quote_name(name)}: ")
    return Missing(message)


def _picture_of_page(fitted: Fitted, result: ImageResult, most_pixels: int | None) -> Picture | Missing:
    """Return the picture of a rendered page, in the pixels that it had when it was read."""
    if (stated := numbers_of(result.fitted, "points")) is not None:
        points = fitted.change.origin.points or (0.0, 0.0)
        if any(abs(now - before) > POINTS_WITHIN for now, before in zip(points, stated, strict=True)):
            return of_another_size("points", points, stated)
    size = size_read(result) or fitted.change.origin.size
    picture = _decode(fitted.content, ImageResult(result.key), most_pixels)
    if isinstance(picture, Missing):
        return picture
    image = picture.image
    if image.size != size and most_pixels is None:
        from vision_grpc.sources.fit.flattening import scale
        from vision_grpc.sources.fit.opening import MOST_PIXELS

        if size[0] * size[1] > MOST_PIXELS:  # No page was rendered so, but a damaged answer may say it.
            return of_another_size("pixels", image.size, size)
        image = scale(image, size)
    return Picture(image, size)


def _decode(content: bytes, result: ImageResult, most_pixels: int | None) -> Picture | Missing:
    from vision_grpc.pictures.orientation import turn
    from vision_grpc.sources.fit.flattening import flatten
    from vision_grpc.sources.fit.opening import load_picture, open_picture, turn_upright

    with open_picture(content) as opened:
        origin = opened.origin
        is_stored = result.fitted is not None
        size = origin.size if is_stored else swap_size(origin.size, origin.orientation)
        if (before := size_read(result)) is not None and before != size:
            return of_another_size("pixels", size, before)
        loaded = load_picture(opened, pixels=size[0] * size[1] if most_pixels is None else most_pixels)
        if not is_stored:
            return Picture(flatten(turn_upright(loaded, origin)), size)
        if origin.format == _TURNED_BY_PILLOW:
            loaded = turn(loaded, _undo(origin.orientation))
        return Picture(flatten(loaded), size, origin.orientation)


def size_read(result: ImageResult) -> tuple[int, int] | None:
    """Return the size that the picture had when it was read, in the pixels of the boxes; None if it is not known."""
    try:
        page = next(iter(result.pages), None)
    except ProtocolError:
        page = None
    if page is not None and page.width > 0 and page.height > 0:
        return page.width, page.height
    stated = result.fitted or {}
    wide, high = stated.get("width"), stated.get("height")
    return (wide, high) if isinstance(wide, int) and isinstance(high, int) and wide > 0 and high > 0 else None


def numbers_of(fitted: Mapping[str, object] | None, name: str) -> tuple[float, float] | None:
    """Return a pair of numbers of what `fitted` says, None where it does not say them."""
    match (fitted or {}).get(name):
        case [int() | float() as first, int() | float() as second]:
            return first, second
        case _:
            return None


def of_another_size(unit: str, now: tuple[float, float], before: tuple[float, float]) -> Missing:
    """Return that a picture is not the one that was read."""
    was, is_now = (f"{wide:g} x {high:g}" for wide, high in (before, now))
    return Missing(f"is another picture now: it has {is_now} {unit}, and had {was} when it was read")


def to_upright(x: int, y: int, size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return where a point of a picture of this size lies when the picture is turned by an orientation of EXIF."""
    return (x, y) if orientation == UPRIGHT else upright_map(size, orientation).to_stored(x, y)


def upright_map(size: tuple[int, int], orientation: int) -> PixelMap:
    """Return where the points of a stored picture lie in the upright one: its `to_stored` gives the latter."""
    return PixelMap(size, swap_size(size, orientation), _undo(orientation))


def _undo(orientation: int) -> int:
    return _UNDONE_BY.get(orientation, orientation)
