"""A result as HTML for notebooks: its picture with boxes, where that is at hand, and its text."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pybase64

from vision_grpc.contract.image_header import read_header
from vision_grpc.errors import ProtocolError
from vision_grpc.texts.quoting import shorten
from vision_grpc.texts.strict import to_strict

if TYPE_CHECKING:
    from vision_grpc.results.layout import Page, Word
    from vision_grpc.results.result import ImageResult

# A notebook keeps what it shows.
_MOST_BYTES = 2 * 2**20
_MOST_WORDS, _MOST_CORNERS, _MOST_CHARACTERS = 2_000, 8, 20_000

# HTML has none of these, but for tabs and line ends.
_CONTROLS = dict.fromkeys([*range(9), 11, *range(14, 32), *range(127, 160)], "\ufffd")

_PICTURE = """\
<div style="position:relative;max-width:{width}px">
<img alt="" style="display:block;width:100%;{orientation}" src="data:image/{format};base64,{content}">
<svg style="position:absolute;left:0;top:0;width:100%;height:100%" viewBox="0 0 {width} {height}" \
preserveAspectRatio="none" fill="#06f" fill-opacity=".1" stroke="#06f" stroke-width="1">{boxes}</svg>
</div>"""
_BOX = '<polygon vector-effect="non-scaling-stroke" points="{points}"><title>{title}</title></polygon>'


class _Picture(NamedTuple):
    format: str
    content: bytes


def to_html(result: "ImageResult") -> str:
    """Return a result as HTML: its key, its error, the picture if its file is still there, and the text."""
    errors = [] if result.error is None else [str(result.error)]
    text = ""
    pages: Sequence[Page] = []
    try:
        text = result.text
        pages = result.pages
    except ProtocolError as error:
        errors = errors or [f"{error.code.name}: {error}"]
    return "\n".join(
        [
            "<div>",
            f"<div><b>{_shown(shorten(result.key))}</b></div>",
            *(f'<div style="color:#c00">{_shown(shorten(each))}</div>' for each in errors),
            *_pictures(result, pages[0] if pages else None),
            f'<pre dir="auto" style="white-space:pre-wrap;max-height:30em;overflow:auto">{_cut(text)}</pre>',
            "</div>",
        ]
    )


def _pictures(result: "ImageResult", page: "Page | None") -> Iterator[str]:
    """Yield the picture with the boxes, if it is at hand and still that of the boxes."""
    if page is None:
        return
    is_stored = result.fitted is not None
    picture = _find(result.key, (page.width, page.height), may_be_turned=not is_stored)
    if picture is not None:
        yield _PICTURE.format(
            width=page.width,
            height=page.height,
            # Browsers turn a picture as its EXIF says.
            orientation="image-orientation:none" if is_stored else "",
            format=picture.format,
            content=pybase64.b64encode(picture.content).decode(),
            boxes="".join(map(_box, islice(page.words(), _MOST_WORDS))),
        )


def _find(key: str, size: tuple[int, int], *, may_be_turned: bool) -> _Picture | None:
    """Return the JPEG or PNG file that a key names, if it has this size."""
    try:
        path = Path(key)
        # A file of the kernel, which has no size, may have no end, or be waited for.
        if not (path.is_file() and 0 < path.stat().st_size <= _MOST_BYTES):
            return None
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError):
        return None
    header = read_header(content) if len(content) <= _MOST_BYTES else None
    if header is None:
        return None
    sizes = {(header.width, header.height)}
    if may_be_turned:
        sizes.add((header.height, header.width))
    return _Picture(header.format, content) if size in sizes else None


def _box(word: "Word") -> str:
    points = " ".join(f"{x},{y}" for x, y in word.polygon[:_MOST_CORNERS])
    confidence = "" if word.confidence is None else f" ({word.confidence:.0%})"
    return _BOX.format(points=points, title=f"{_shown(shorten(word.text))}{confidence}")


def _cut(text: str) -> str:
    rest = len(text) - _MOST_CHARACTERS
    return _shown(text) if rest <= 0 else f"{_shown(text[:_MOST_CHARACTERS])}\n... ({rest:,} more characters)"


def _shown(text: str) -> str:
    return escape(to_strict(text).translate(_CONTROLS))
