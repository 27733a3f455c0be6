"""What the service would say of a page, of 300 words unless it is to be smaller."""

import random

from vision_grpc.messages import AnalyzeResult, Block, FeatureResult, Line, Page, Polygon, TextAnnotation, Vertex, Word

WORDS = 300
_LINES, _LINE_WORDS = 5, 10
_LINE_HEIGHT, _WORD_WIDTH = 40, 90
_ALPHABETS = {"en": "abcdefghijklmnopqrstuvwxyz", "ru": "абвгдежзийклмнопрстуфхцчшщъыьэюя"}


def text_page(words: int = WORDS) -> AnalyzeResult:
    """Return a page, half English and half Russian, with the geometry that the service gives.

    It has as many words as fit in blocks of 50, one block at least.
    """
    rng = random.Random(WORDS)  # noqa: S311 - the same page each time
    blocks: list[Block] = []
    for number in range(max(1, words // (_LINES * _LINE_WORDS))):
        language = ("en", "ru")[number % 2]
        top = 100 + number * (_LINES + 1) * _LINE_HEIGHT
        lines = [_line(rng, language, top + line * _LINE_HEIGHT) for line in range(_LINES)]
        blocks.append(Block(bounding_box=_box(100, top, _LINE_WORDS * _WORD_WIDTH, _LINES * _LINE_HEIGHT), lines=lines))
    page = Page(width=1240, height=1754, blocks=blocks)
    return AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=[page]))])


def _line(rng: random.Random, language: str, top: int) -> Line:
    confidence = rng.uniform(0.8, 1.0)
    words = [
        Word(
            bounding_box=_box(100 + place * _WORD_WIDTH, top, _WORD_WIDTH - 8, _LINE_HEIGHT - 8),
            text="".join(rng.choices(_ALPHABETS[language], k=rng.randint(2, 12))),
            confidence=confidence,
            languages=[Word.DetectedLanguage(language_code=language, confidence=confidence)],
            entity_index=-1,
        )
        for place in range(_LINE_WORDS)
    ]
    box = _box(100, top, _LINE_WORDS * _WORD_WIDTH, _LINE_HEIGHT)
    return Line(bounding_box=box, words=words, confidence=confidence)


def _box(left: int, top: int, width: int, height: int) -> Polygon:
    right, bottom = left + width, top + height
    corners = ((left, top), (left, bottom), (right, bottom), (right, top))
    return Polygon(vertices=[Vertex(x=x, y=y) for x, y in corners])
