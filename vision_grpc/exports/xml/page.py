"""PAGE XML, the format of layout research and of tools for transcription, in its version of 2019-07-15."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from vision_grpc.exports.writing import ExportError
from vision_grpc.exports.xml.escaping import escape_key
from vision_grpc.exports.xml.language_names import language_name
from vision_grpc.exports.xml.placed_pages import Place, PlacedBlock, PlacedPage, PlacedWord, placed_pages
from vision_grpc.results.each import Results
from vision_grpc.version import __version__

_NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
_LARGEST_INT = 2**31 - 1


def page(results: Results, *, created: datetime | None = None) -> Iterator[bytes]:
    """Yield PAGE XML of the page of an image that was read; nothing when it was not.

    `created` is the time that the document states, now if it is None.

    Raises:
        ExportError: there are several pages.
    """
    pages = [*islice(placed_pages(results), 2)]
    if len(pages) > 1:
        message = "results: a file of PAGE XML holds one page, and there are several: write them to a folder"
        raise ExportError(message)
    for placed in pages:
        yield _document(placed, created or datetime.now(UTC)).encode()


def _document(placed: PlacedPage, created: datetime) -> str:
    time = created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    languages = [*dict.fromkeys(name for tag in placed.languages if (name := language_name(tag)))]
    attributes = _attributes(
        imageXResolution="" if placed.dpi is None else f"{placed.dpi:g}",
        imageYResolution="" if placed.dpi is None else f"{placed.dpi:g}",
        imageResolutionUnit="" if placed.dpi is None else "PPI",
        primaryLanguage=languages[0] if languages else "",
        secondaryLanguage=languages[1] if len(languages) > 1 else "",
    )
    parts = [
        f"""\
<?xml version="1.0" encoding="UTF-8"?>
<PcGts xmlns="{_NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"\
 xsi:schemaLocation="{_NAMESPACE} {_NAMESPACE}/pagecontent.xsd">
<Metadata>
<Creator>vision-grpc {__version__}</Creator>
<Created>{time}</Created>
<LastChange>{time}</LastChange>
</Metadata>
<Page imageFilename="{escape_key(placed.key)}" imageWidth="{min(placed.width, _LARGEST_INT)}"\
 imageHeight="{min(placed.height, _LARGEST_INT)}"{attributes}>
"""
    ]
    if placed.blocks:
        parts.append('<ReadingOrder>\n<OrderedGroup id="reading_order">\n')
        parts += [
            f'<RegionRefIndexed index="{index}" regionRef="region_{index + 1}"/>\n'
            for index in range(len(placed.blocks))
        ]
        parts.append("</OrderedGroup>\n</ReadingOrder>\n")
    lines = words = 0
    for number, block in enumerate(placed.blocks, 1):
        parts += _region(block, number, lines, words)
        lines += len(block.lines)
        words += sum(len(line.words) for line in block.lines)
    parts.append("</Page>\n</PcGts>\n")
    return "".join(parts)


def _region(block: PlacedBlock, number: int, lines: int, words: int) -> Iterator[str]:
    """Yield a block; `lines` and `words` are the numbers of those before it."""
    language = language_name(block.language)
    yield f'<TextRegion id="region_{number}"{_attributes(primaryLanguage=language)}>\n{_coords(block.place)}'
    texts: list[str] = []
    for line_number, line in enumerate(block.lines, lines + 1):
        direction = "right-to-left" if line.is_right_to_left else ""
        yield f'<TextLine id="line_{line_number}"{_attributes(readingDirection=direction)}>\n{_coords(line.place)}'
        for word_number, word in enumerate(line.words, words + 1):
            yield _word(word, word_number, language)
        words += len(line.words)
        texts.append(" ".join([word.text for word in line.words]))
        yield f"{_text(texts[-1], line.confidence)}</TextLine>\n"
    yield f"{_text(chr(10).join(texts), None)}</TextRegion>\n"


def _word(word: PlacedWord, number: int, language_around: str) -> str:
    language = language_name(word.language)
    attributes = f' language="{language}"' if language and language != language_around else ""
    if word.direction == "rtl":
        attributes += ' readingDirection="right-to-left"'
    content = f"{_coords(word.place)}{_text(word.text, word.confidence)}"
    return f'<Word id="word_{number}"{attributes}>\n{content}</Word>\n'


def _coords(place: Place) -> str:
    left, top, right, bottom, points = place
    if points is None:
        return f'<Coords points="{left},{top} {right},{top} {right},{bottom} {left},{bottom}"/>\n'
    return f'<Coords points="{" ".join([f"{x},{y}" for x, y in points])}"/>\n'


def _text(text: str, confidence: float | None) -> str:
    if not text:
        return ""
    certainty = "" if confidence is None else f' conf="{confidence:.4f}"'
    return f"<TextEquiv{certainty}>\n<Unicode>{text}</Unicode>\n</TextEquiv>\n"


def _attributes(**values: str) -> str:
    return "".join([f' {name}="{value}"' for name, value in values.items() if value])
