"""hOCR: HTML whose elements say where on the page their text is.

Version 1.2 of its specification, http://kba.github.io/hocr-spec/1.2/, as XHTML, as Tesseract has it too.
"""

import re
from collections.abc import Iterator

from vision_grpc.exports.xml.escaping import escape_key
from vision_grpc.exports.xml.placed_pages import Place, PlacedBlock, PlacedLine, PlacedPage, PlacedWord, placed_pages
from vision_grpc.results.each import Results
from vision_grpc.version import __version__

_HEAD = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<title>Recognised text</title>
<meta name="ocr-system" content="vision-grpc {__version__}"/>
<meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_lang ocrp_dir ocrp_wconf"/>
</head>
<body>
"""
_TAIL = "</body>\n</html>\n"
# A string in a title has no quotation mark and no control character; many readers part titles at each semicolon.
_NOT_IN_STRING = re.compile('[";\x00-\x1f\x7f]')


def hocr(results: Results) -> Iterator[bytes]:
    """Yield hOCR with a page for each image that was read; nothing when none was.

    The name of an image is its key, with `%22` for a quotation mark, `%3B` for a semicolon and the like for control
    characters.
    """
    head = _HEAD
    for page in placed_pages(results):
        yield f"{head}{_page(page)}".encode()
        head = ""
    if not head:
        yield _TAIL.encode()


def _page(page: PlacedPage) -> str:
    name = _NOT_IN_STRING.sub(lambda match: f"%{ord(match[0]):02X}", page.key)
    image = f"image &quot;{escape_key(name)}&quot;; " if name else ""
    resolution = "" if page.dpi is None else f"; scan_res {page.dpi:.0f} {page.dpi:.0f}"
    title = f"{image}bbox 0 0 {page.width} {page.height}; ppageno {page.number}{resolution}"
    number = page.number + 1
    words = 0
    lines = 0
    parts = [f'<div class="ocr_page" id="page_{number}" title="{title}">\n']
    for block_number, block in enumerate(page.blocks, 1):
        parts.append(_block(block, f"{number}_{block_number}"))
        for line in block.lines:
            lines += 1
            parts.append(_line(line, f"{number}_{lines}"))
            for word in line.words:
                words += 1
                parts.append(_word(word, f"{number}_{words}", block.language))
            parts.append("</span>\n")
        parts.append("</p>\n</div>\n")
    parts.append("</div>\n")
    return "".join(parts)


def _block(block: PlacedBlock, number: str) -> str:
    """Return the beginning of an area with one paragraph: the service does not part blocks into smaller ones."""
    box = _bbox(block.place)
    language = f' lang="{block.language}"' if block.language else ""
    is_right_to_left = bool(block.lines) and all(line.is_right_to_left for line in block.lines)
    direction = ' dir="rtl"' if is_right_to_left else ""
    return (
        f'<div class="ocr_carea" id="block_{number}" title="{box}">\n'
        f'<p class="ocr_par" id="par_{number}" title="{box}"{language}{direction}>\n'
    )


def _line(line: PlacedLine, number: str) -> str:
    direction = ' dir="rtl"' if line.is_right_to_left else ""
    return f'<span class="ocr_line" id="line_{number}" title="{_bbox(line.place)}"{direction}>\n'


def _word(word: PlacedWord, number: str, language_around: str) -> str:
    text, place, confidence, language, direction = word
    certainty = "" if confidence is None else f"; x_wconf {100 * confidence:.0f}"
    attributes = f' lang="{language}"' if language and language != language_around else ""
    if direction:
        attributes += f' dir="{direction}"'
    return (
        f'<span class="ocrx_word" id="word_{number}"'
        f' title="bbox {place[0]} {place[1]} {place[2]} {place[3]}{certainty}"{attributes}>{text}</span>\n'
    )


def _bbox(place: Place) -> str:
    return f"bbox {place.left} {place.top} {place.right} {place.bottom}"
