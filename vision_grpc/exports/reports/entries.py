"""What a report has of each image: what its list shows, the words at their places, and the picture."""

from collections import Counter
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

from pybase64 import b64encode

from vision_grpc.errors import ProtocolError
from vision_grpc.exports.confidence import BANDS, SURE, band_of
from vision_grpc.exports.pictures import Missing, Picture, Pictures, upright_map
from vision_grpc.exports.reports.page import data, picture
from vision_grpc.results import ImageResult
from vision_grpc.results.layout import Block, Line, Page, Word
from vision_grpc.results.pixels import UPRIGHT, PixelMap
from vision_grpc.texts.strict import strict_tree

_QUALITY = 45
_LEFT_OUT = "the report has as many bytes of pictures as it may; make one of fewer images, or with smaller pictures"
_NO_PICTURES = "the report was made without pictures"
_Layout = tuple[int, int, Sequence[Any]]
_NO_LAYOUT: _Layout = (0, 0, ())


class Entries:
    """Makes the blocks of a report's data."""

    def __init__(self, pictures: Pictures, side: int, most_bytes: int) -> None:
        self._pictures = pictures
        self._side = side
        self._left_bytes = most_bytes
        self.missing: Counter[str] = Counter()
        """Why images have no picture, with their numbers."""

    def about(self, title: str) -> dict[str, Any]:
        """Return what the page has to know besides images."""
        bands = [{"name": band.name, "least": band.least} for band in BANDS]
        return {"title": strict_tree(title), "bands": bands}

    def blocks(self, result: ImageResult) -> Iterator[bytes]:
        """Yield the blocks of an image."""
        result.check()
        found = self._find(result)
        page = _page_of(result)
        layout = _NO_LAYOUT if page is None else _layout(page, found, result)
        confidences = [] if page is None else [word.confidence for block in page.blocks for word in block.words()]
        url = b""
        why = found.reason if isinstance(found, Missing) else None
        if isinstance(found, Picture):
            url = _encode(found, self._side)
            self._left_bytes -= len(url)
        elif self._side:
            self.missing[found.reason] += 1
        yield data("entry", _entry(result, page, confidences, why))
        yield data("words", layout)
        yield picture(url)

    def _find(self, result: ImageResult) -> Picture | Missing:
        if not self._side:
            return Missing(_NO_PICTURES)
        if self._left_bytes <= 0:
            return Missing(_LEFT_OUT)
        # Twice as many pixels a side: they become sharp when it is scaled down.
        return self._pictures.find(result, most_pixels=4 * self._side * self._side)


def _entry(
    result: ImageResult, page: Page | None, confidences: Sequence[float | None], why: str | None
) -> dict[str, Any]:
    known = [confidence for confidence in confidences if confidence is not None]
    error = result.error
    return {
        "key": strict_tree(result.key),
        "ok": result.ok,
        "code": None if error is None else error.code.name,
        "error": None if error is None else strict_tree(error.message),
        "text": strict_tree(result.text),
        "words": len(confidences),
        "mean": round(sum(known) / len(known), 4) if known else None,
        "doubtful": sum(band_of(confidence) is not SURE for confidence in confidences),
        "answered": result.outcome is not None,
        "facts": strict_tree(_facts(result, page, len(confidences))),
        "why": None if why is None else strict_tree(why),
    }


def _facts(result: ImageResult, page: Page | None, words: int) -> list[str]:
    facts: list[str] = []
    if page is not None:
        facts += [f"{words:,} word{'' if words == 1 else 's'}", f"{page.width} × {page.height} pixels"]  # noqa: RUF001
        languages = dict.fromkeys(code for block in page.blocks for code in block.languages)
        facts += [", ".join(languages)] if languages else []
    if result.transport is not None:
        attempts = "" if result.attempts <= 1 else f", {result.attempts} attempts"
        facts.append(f"by {result.transport}{attempts}")
    if result.request_id is not None:
        facts.append(f"request {result.request_id}")
    return facts


def _page_of(result: ImageResult) -> Page | None:
    try:
        return next(iter(result.pages), None)
    except ProtocolError:  # Its text could be read, its boxes cannot.
        return None


def _layout(page: Page, found: Picture | Missing, result: ImageResult) -> _Layout:
    """Return the upright size of a page, and its blocks, lines and words with boxes and confidences, in arrays."""
    size = (page.width, page.height)
    orientation = found.orientation if isinstance(found, Picture) else _orientation_of(result)
    # A page that states no size cannot be turned.
    place = upright_map(size, orientation if all(size) else UPRIGHT)
    blocks = [_block(block, place) for block in page.blocks]
    wide, high = place.stored
    if blocks and not (wide and high):
        corners = [corner for block in blocks for corner in block[0]]
        wide, high = max(1, *corners[::2]), max(1, *corners[1::2])
    return wide, high, blocks


def _block(block: Block, place: PixelMap) -> list[Any]:
    return [_corners(block, place), _rounded(block.confidence), [_line(line, place) for line in block.lines]]


def _line(line: Line, place: PixelMap) -> list[Any]:
    words = [[strict_tree(word.text), _rounded(word.confidence), _corners(word, place)] for word in line.words]
    language = next(iter(line.languages), "")
    return [_corners(line, place), _rounded(line.confidence), strict_tree(language), words]


def _rounded(confidence: float | None) -> float | None:
    # Not a number has no place in JSON.
    return None if confidence is None or confidence != confidence else round(confidence, 3)  # noqa: PLR0124


def _corners(area: Block | Line | Word, place: PixelMap) -> Sequence[int]:
    """Return left, top, right and bottom of an upright box, else x and y of each corner."""
    points = [point if place.is_identity else place.to_stored(*point) for point in area.polygon]
    xs, ys = {x for x, _ in points}, {y for _, y in points}
    if len(xs) <= 2 and len(ys) <= 2:  # noqa: PLR2004 - two sides
        return (min(xs), min(ys), max(xs), max(ys)) if points else (0, 0, 0, 0)
    return [coordinate for point in points for coordinate in point]


def _orientation_of(result: ImageResult) -> int:
    stated = (result.fitted or {}).get("orientation")
    return stated if isinstance(stated, int) and stated in range(1, 9) else UPRIGHT


def _encode(found: Picture, side: int) -> bytes:
    """Return a picture, upright and scaled, as a data URL."""
    from PIL import Image

    image = found.upright()
    if image.mode not in {"L", "RGB"}:
        image = image.convert("L" if image.mode == "1" else "RGB")
    if max(image.size) > side:
        image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    content = BytesIO()
    image.save(content, "JPEG", quality=_QUALITY, optimize=True)
    return b"data:image/jpeg;base64," + b64encode(content.getvalue())
