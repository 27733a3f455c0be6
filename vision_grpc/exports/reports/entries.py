"""What a report has of each image: what its list shows, its words at their places, and its picture."""

from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from pybase64 import b64encode

from vision_grpc.errors import ProtocolError
from vision_grpc.exports.pictures.confidence import BANDS
from vision_grpc.exports.pictures.finding import Missing, Picture, Pictures
from vision_grpc.exports.reports.layouts import Layout
from vision_grpc.exports.reports.page import data, picture
from vision_grpc.results import ImageResult
from vision_grpc.results.layout import Page
from vision_grpc.results.pixels import UPRIGHT
from vision_grpc.texts.strict import strict_tree

_QUALITY = 45
LEFT_OUT = "the report has as many bytes of pictures as it may; make one of fewer images, or with smaller pictures"
_NO_PICTURES = "the report was made without pictures"


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
        orientation = found.orientation if isinstance(found, Picture) else _orientation_of(result)
        layout = Layout(_page_of(result), orientation)
        url, why = b"", None
        if isinstance(found, Picture):
            url = _encode(found, self._side)
            self._left_bytes -= len(url)
        else:
            why = found.reason
            if self._side:
                self.missing[why] += 1
        yield data("entry", _entry(result, layout, why))
        yield data("words", layout.arrays)
        yield picture(url)

    def _find(self, result: ImageResult) -> Picture | Missing:
        if not self._side:
            return Missing(_NO_PICTURES)
        if self._left_bytes <= 0:
            return Missing(LEFT_OUT)
        # Twice as many pixels a side: they become sharp when it is scaled down.
        return self._pictures.find(result, most_pixels=4 * self._side * self._side)


def _entry(result: ImageResult, layout: Layout, why: str | None) -> dict[str, Any]:
    error = result.error
    return {
        "key": strict_tree(result.key),
        "ok": result.ok,
        "code": None if error is None else error.code.name,
        "error": None if error is None else strict_tree(error.message),
        "text": strict_tree(result.text),
        "words": _word_count(result, layout),
        "boxed": layout.page is not None,
        "mean": layout.mean,
        "doubtful": layout.doubtful,
        "answered": result.outcome is not None,
        "facts": strict_tree(_facts(result, layout)),
        "why": None if why is None else strict_tree(why),
    }


def _facts(result: ImageResult, layout: Layout) -> list[str]:
    facts: list[str] = []
    words = _word_count(result, layout)
    if words or layout.page is not None:
        facts.append(f"{words:,} word{'' if words == 1 else 's'}")
    if layout.page is not None:
        facts.append(f"{layout.page.width} × {layout.page.height} pixels")  # noqa: RUF001
        facts += [", ".join(layout.languages)] if layout.languages else []
    if result.transport is not None:
        attempts = "" if result.attempts <= 1 else f", {result.attempts} attempts"
        facts.append(f"by {result.transport}{attempts}")
    if result.request_id is not None:
        facts.append(f"request {result.request_id}")
    return facts


def _word_count(result: ImageResult, layout: Layout) -> int:
    # A journal may keep texts alone.
    return len(result.text.split()) if layout.page is None else layout.words


def _page_of(result: ImageResult) -> Page | None:
    try:
        return next(iter(result.pages), None)
    except ProtocolError:  # Its text could be read, its boxes cannot.
        return None


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
