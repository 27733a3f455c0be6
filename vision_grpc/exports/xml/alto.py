"""ALTO, the format of libraries for the layout and the text of pages, in version 4.4 of its schema."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

from vision_grpc.exports.xml.escaping import escape_key
from vision_grpc.exports.xml.placed_pages import Place, PlacedLine, PlacedPage, PlacedWord, placed_pages
from vision_grpc.results.each import Results
from vision_grpc.version import __version__

_NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"
_TAIL = "</Layout>\n</alto>\n"


def alto(results: Results) -> Iterator[bytes]:
    """Yield ALTO with a page for each image that was read; nothing when none was.

    The key of an image is there as the name of its file if the image is the only one: there is no place for
    the names of several. Lines without words are left out, as the schema has none.
    """
    pages = placed_pages(results)
    first = [*islice(pages, 2)]
    if not first:
        return
    start = _head(first[0].key if len(first) == 1 else "")
    for page in chain(first, pages):
        yield f"{start}{_page(page)}".encode()
        start = ""
    yield _TAIL.encode()


def _head(key: str) -> str:
    name = (
        f"<sourceImageInformation>\n<fileName>{escape_key(key)}</fileName>\n</sourceImageInformation>\n" if key else ""
    )
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="{_NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"\
 xsi:schemaLocation="{_NAMESPACE} {_SCHEMA}" SCHEMAVERSION="4.4">
<Description>
<MeasurementUnit>pixel</MeasurementUnit>
{name}<Processing ID="processing_1">
<processingCategory>contentGeneration</processingCategory>
<processingSoftware>
<softwareName>vision-grpc</softwareName>
<softwareVersion>{__version__}</softwareVersion>
</processingSoftware>
</Processing>
</Description>
<Layout>
"""


def _page(page: PlacedPage) -> str:
    number = page.number + 1
    # Zero is not a size.
    size = f' WIDTH="{page.width}" HEIGHT="{page.height}"' if page.width and page.height else ""
    parts = [
        f'<Page ID="page_{number}" PHYSICAL_IMG_NR="{number}"{size}>\n',
        f'<PrintSpace HPOS="0" VPOS="0"{size}>\n',
    ]
    lines = 0
    words = 0
    for block_number, block in enumerate(page.blocks, 1):
        # Not at the page too, where only the newest readers know it: ALTO 4.1 to 4.3 have it at blocks.
        language = f' LANG="{block.language}"' if block.language else ""
        parts.append(f'<TextBlock ID="block_{number}_{block_number}"{_box(block.place)}{language}>\n')
        parts.append(_shape(block.place))
        for line in block.lines:
            if line.words:
                lines += 1
                parts += _line(line, f"{number}_{lines}")
                parts += _strings(line.words, number, words, block.language)
                parts.append("</TextLine>\n")
                words += len(line.words)
        parts.append("</TextBlock>\n")
    parts.append("</PrintSpace>\n</Page>\n")
    return "".join(parts)


def _line(line: PlacedLine, number: str) -> Sequence[str]:
    direction = ' BASEDIRECTION="rtl"' if line.is_right_to_left else ""
    return f'<TextLine ID="line_{number}"{_box(line.place)}{direction}>\n', _shape(line.place)


def _strings(words: Sequence[PlacedWord], page: int, before: int, language_around: str) -> Iterator[str]:
    last = None
    for number, (text, place, confidence, language, _) in enumerate(words, before + 1):
        if last is not None:
            yield _space(last, place)
        last = place
        certainty = "" if confidence is None else f' WC="{confidence:.4f}"'
        attribute = f' LANG="{language}"' if language and language != language_around else ""
        start = f'<String ID="string_{page}_{number}"{_box(place)} CONTENT="{text}"{certainty}{attribute}'
        yield f"{start}/>\n" if place.points is None else f"{start}>\n{_shape(place)}</String>\n"


def _space(first: Place, second: Place) -> str:
    """Return the space between two words, with its place if they are beside each other."""
    left, right = (first.right, second.left) if first.left <= second.left else (second.right, first.left)
    return f'<SP HPOS="{left}" VPOS="{first.top}" WIDTH="{right - left}"/>\n' if left < right else "<SP/>\n"


def _box(place: Place) -> str:
    left, top, right, bottom, _ = place
    return f' HPOS="{left}" VPOS="{top}" WIDTH="{right - left}" HEIGHT="{bottom - top}"'


def _shape(place: Place) -> str:
    if place.points is None:
        return ""
    points = " ".join([f"{x},{y}" for x, y in place.points])
    return f'<Shape>\n<Polygon POINTS="{points}"/>\n</Shape>\n'
