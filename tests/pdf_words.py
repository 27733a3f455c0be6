"""What pdftotext finds in a PDF, and results whose words lie where a test says."""

import re
import subprocess
from collections.abc import Sequence
from contextlib import closing
from html import unescape
from math import cos, radians, sin
from pathlib import Path
from typing import NamedTuple

import pypdfium2
from peers import program

from vision_grpc.messages import AnalyzeResult, Block, FeatureResult, Line, Page, Polygon, TextAnnotation, Vertex, Word
from vision_grpc.results import ImageResult
from vision_grpc.results.outcomes import WireOutcome

Corners = Sequence[tuple[float, float]]
Box = tuple[float, float, float, float]

_PAGE = re.compile(r'<page width="([\d.]+)" height="([\d.]+)">(.*?)</page>', re.DOTALL)
_WORD = re.compile(r'<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">(.*?)</word>', re.DOTALL)


class FoundPage(NamedTuple):
    """A page as pdftotext sees it: its size in points, and its words with their boxes from the upper left corner."""

    size: tuple[float, float]
    words: list[tuple[str, Box]]

    @property
    def texts(self) -> list[str]:
        return [text for text, _ in self.words]

    def box(self, text: str) -> Box:
        (found,) = (box for written, box in self.words if written == text)
        return found


def find_words(pdf: Path) -> list[FoundPage]:
    """Return the words of each page of a PDF, with their places on what is seen."""
    written = _pdftotext(pdf, "-bbox", "-cropbox")
    return [
        FoundPage(
            (float(page[1]), float(page[2])),
            [(unescape(word[5]), tuple(map(float, word.groups()[:4]))) for word in _WORD.finditer(page[3])],  # type: ignore[misc]
        )
        for page in _PAGE.finditer(written)
    ]


def read_lines(pdf: Path, *options: str) -> list[str]:
    """Return the lines of a PDF that are not empty, without marks of direction."""
    lines = [line.strip("\u202a\u202b\u202c\f") for line in _pdftotext(pdf, *options).split("\n")]
    return [line for line in lines if line]


def _pdftotext(pdf: Path, *options: str) -> str:
    command = [program("pdftotext"), *options, str(pdf), "-"]
    run = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    assert run.stderr.replace("no word list\n", "") == ""
    return run.stdout


def find_words_at_angles(pdf: Path) -> list[FoundPage]:
    """Return the words of each page as PDFium finds them: pdftotext takes slanted ones apart."""
    with closing(pypdfium2.PdfDocument(pdf)) as document:
        return [_find_at_angles(page) for page in document]


def _find_at_angles(page: pypdfium2.PdfPage) -> FoundPage:
    high, text = page.get_height(), page.get_textpage()
    words: dict[int, list[tuple[str, Box]]] = {}
    number = 0
    for place, character in enumerate(text.get_text_range()):
        if character.isspace():
            number += 1
        else:
            left, bottom, right, top = text.get_charbox(place, loose=True)
            words.setdefault(number, []).append((character, (left, high - top, right, high - bottom)))
    return FoundPage(page.get_size(), [_joined(characters) for characters in words.values()])


def _joined(characters: list[tuple[str, Box]]) -> tuple[str, Box]:
    text = "".join(character for character, _ in characters)
    corners = [corner for _, box in characters for corner in (box[:2], box[2:])]
    return text, around(corners)


def overlap(box: Box, other: Box) -> float:
    """Return the part that two boxes have in common of what they cover together."""
    wide = min(box[2], other[2]) - max(box[0], other[0])
    high = min(box[3], other[3]) - max(box[1], other[1])
    common = max(wide, 0.0) * max(high, 0.0)
    return common / (_area(box) + _area(other) - common)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def around(corners: Corners) -> Box:
    """Return the upright box around a polygon."""
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def rectangle(left: float, top: float, wide: float, high: float) -> Corners:
    """Return the corners of a box in the order of the service: upper left, lower left, lower right, upper right."""
    return [(left, top), (left, top + high), (left + wide, top + high), (left + wide, top)]


def turned(corners: Corners, degrees: float, center: tuple[float, float]) -> Corners:
    """Return corners turned clockwise, as they are seen."""
    angle = radians(degrees)
    return [
        (
            center[0] + (x - center[0]) * cos(angle) - (y - center[1]) * sin(angle),
            center[1] + (x - center[0]) * sin(angle) + (y - center[1]) * cos(angle),
        )
        for x, y in corners
    ]


def polygon(corners: Corners) -> Polygon:
    """Return corners as a message, in whole pixels."""
    return Polygon(vertices=[Vertex(x=round(x), y=round(y)) for x, y in corners])


def result_of(
    key: str, size: tuple[int, int], lines: Sequence[tuple[Corners, Sequence[tuple[str, Corners]]]]
) -> ImageResult:
    """Return a result with these lines: the corners of each, and its words with theirs."""
    made = [
        Line(
            bounding_box=polygon(corners),
            words=[Word(text=text, bounding_box=polygon(place), confidence=0.9) for text, place in words],
        )
        for corners, words in lines
    ]
    page = Page(width=size[0], height=size[1], blocks=[Block(lines=made)])
    answer = AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=[page]))])
    return ImageResult(key, WireOutcome(answer.SerializeToString(), has_error=False), attempts=1)
