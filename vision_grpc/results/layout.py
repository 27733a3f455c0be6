"""Pages, blocks, lines and words of a result, with boxes as numbers.

Each is a view of its message, `message`, and costs nothing until something of it is read.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from vision_grpc import messages


class Box(NamedTuple):
    """The upright rectangle around an area, in pixels from the upper left corner; zeros where there is none."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """The width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """The height in pixels."""
        return self.bottom - self.top


class Word:
    """A word: text, place, confidence and languages."""

    __slots__ = ("message",)

    def __init__(self, message: "messages.Word") -> None:
        self.message = message

    @property
    def text(self) -> str:
        """The word as it was read, with its punctuation."""
        return self.message.text

    @property
    def confidence(self) -> float | None:
        """How sure the recognition is, from 0 to 1."""
        return self.message.confidence

    @property
    def languages(self) -> Sequence[str]:
        """Codes of the languages, the surest first."""
        return [each.language_code for each in self.message.languages]

    @property
    def polygon(self) -> Sequence[tuple[int, int]]:
        """The corners, x and y in pixels, in the service's order."""
        return polygon_of(self.message.bounding_box)

    @property
    def box(self) -> Box:
        """The rectangle around it."""
        return box_of(self.message.bounding_box)


class Line:
    """A line: its words, place and confidence."""

    __slots__ = ("message",)

    def __init__(self, message: "messages.Line") -> None:
        self.message = message

    @property
    def words(self) -> Sequence[Word]:
        """The words in reading order."""
        return [Word(word) for word in self.message.words]

    @property
    def text(self) -> str:
        """The words, joined by spaces."""
        return " ".join([word.text for word in self.message.words if word.text])

    @property
    def confidence(self) -> float | None:
        """How sure the recognition is, from 0 to 1."""
        return self.message.confidence

    @property
    def languages(self) -> Sequence[str]:
        """Codes of the languages of its words, each once, in the words' order."""
        return languages_of(self.words)

    @property
    def polygon(self) -> Sequence[tuple[int, int]]:
        """The corners, x and y in pixels, in the service's order."""
        return polygon_of(self.message.bounding_box)

    @property
    def box(self) -> Box:
        """The rectangle around it."""
        return box_of(self.message.bounding_box)


class Block:
    """A block of lines, such as a column or a heading."""

    __slots__ = ("message",)

    def __init__(self, message: "messages.Block") -> None:
        self.message = message

    @property
    def lines(self) -> Sequence[Line]:
        """The lines from top to bottom."""
        return [Line(line) for line in self.message.lines]

    def words(self) -> Iterator[Word]:
        """Yield the words in reading order."""
        for line in self.message.lines:
            for word in line.words:
                yield Word(word)

    @property
    def text(self) -> str:
        """The text, a line each."""
        return "\n".join([line.text for line in self.lines])

    @property
    def confidence(self) -> float | None:
        """The mean confidence of its words, None without words: the service gives a block none of its own."""
        confidences = [word.confidence for line in self.message.lines for word in line.words]
        return sum(confidences) / len(confidences) if confidences else None

    @property
    def languages(self) -> Sequence[str]:
        """Codes of the languages of its words, each once, in the words' order."""
        return languages_of(self.words())

    @property
    def polygon(self) -> Sequence[tuple[int, int]]:
        """The corners, x and y in pixels, in the service's order."""
        return polygon_of(self.message.bounding_box)

    @property
    def box(self) -> Box:
        """The rectangle around it."""
        return box_of(self.message.bounding_box)


class Page:
    """A page: its size and its blocks."""

    __slots__ = ("message",)

    def __init__(self, message: "messages.Page") -> None:
        self.message = message

    @property
    def width(self) -> int:
        """The width in pixels."""
        return self.message.width

    @property
    def height(self) -> int:
        """The height in pixels."""
        return self.message.height

    @property
    def blocks(self) -> Sequence[Block]:
        """The blocks in reading order."""
        return [Block(block) for block in self.message.blocks]

    @property
    def text(self) -> str:
        """The text: blocks apart by an empty line."""
        return "\n\n".join([block.text for block in self.blocks])


def languages_of(words: "Iterator[Word] | Sequence[Word]") -> Sequence[str]:
    """Return the codes of the languages of words, each once."""
    return [*dict.fromkeys(code for word in words for code in word.languages)]


def polygon_of(polygon: "messages.Polygon") -> Sequence[tuple[int, int]]:
    """Return the corners of a polygon."""
    return [(vertex.x, vertex.y) for vertex in polygon.vertices]


def box_of(polygon: "messages.Polygon") -> Box:
    """Return the rectangle around a polygon."""
    corners = polygon_of(polygon)
    if not corners:
        return Box(0, 0, 0, 0)
    xs, ys = zip(*corners, strict=True)
    return Box(min(xs), min(ys), max(xs), max(ys))
