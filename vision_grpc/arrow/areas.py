"""Pages as flat lists: all their words, all their lines and all their blocks, in reading order."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple, Self

from vision_grpc.arrow.corners import Corners

# Text of six letters, confidence, offsets and the numbers of its box; of a code, itself and its offset.
_AREA_BYTES, _CODE_BYTES = 80, 16


@dataclass(slots=True)
class Areas:
    """Areas of one kind: words, lines or blocks."""

    texts: list[bytes] = field(default_factory=list[bytes])
    """In UTF-8."""

    confidences: list[float | None] = field(default_factory=list[float | None])

    codes: list[bytes] = field(default_factory=list[bytes])
    """The codes of the languages of them all."""

    code_counts: list[int] = field(default_factory=list[int])
    """How many of the codes each area has."""

    polygons: "array[int]" = field(default_factory=lambda: array("i"))
    number_counts: list[int] = field(default_factory=list[int])
    quads: "array[int]" = field(default_factory=lambda: array("i"))
    """See `Corners`."""

    @property
    def bytes(self) -> int:
        """About how many bytes they have in memory."""
        corners = len(self.polygons) * self.polygons.itemsize
        return len(self.texts) * _AREA_BYTES + len(self.codes) * _CODE_BYTES + corners

    def extend(self, others: "Areas") -> None:
        """Append other areas."""
        self.texts += others.texts
        self.confidences += others.confidences
        self.codes += others.codes
        self.code_counts += others.code_counts
        self.polygons += others.polygons
        self.number_counts += others.number_counts
        self.quads += others.quads

    def place(self, corners: Corners) -> None:
        """Set the corners of all."""
        self.polygons, self.quads = corners.polygons, corners.quads
        self.number_counts = [*corners.counts]


class FlatPage(NamedTuple):
    """A page."""

    width: int
    height: int
    line_counts: Sequence[int]
    """How many of the lines each block has."""

    word_counts: Sequence[int]
    """How many of the words each line has."""

    blocks: Areas
    lines: Areas
    words: Areas


class AreaCorners(NamedTuple):
    """The corners of blocks, lines and words."""

    blocks: Corners
    lines: Corners
    words: Corners


def flat_page(
    size: tuple[int, int],
    *,
    line_counts: Sequence[int],
    word_counts: Sequence[int],
    words: Areas,
    line_confidences: Sequence[float | None],
    corners: AreaCorners,
) -> FlatPage:
    """Return a page, the texts and languages of its lines and blocks made from those of its words."""
    words.place(corners.words)
    lines = Areas(confidences=[*line_confidences])
    lines.place(corners.lines)
    blocks = Areas()
    blocks.place(corners.blocks)
    code_ends = [0, *accumulate(words.code_counts)]
    start = 0
    for count in word_counts:
        end = start + count
        lines.texts.append(b" ".join(filter(None, words.texts[start:end])))
        _add_codes(lines, words.codes[code_ends[start] : code_ends[end]])
        start = end
    word_ends = [0, *accumulate(word_counts)]
    start = 0
    for count in line_counts:
        end = start + count
        blocks.texts.append(b"\n".join(lines.texts[start:end]))
        first, last = word_ends[start], word_ends[end]
        _add_codes(blocks, words.codes[code_ends[first] : code_ends[last]])
        blocks.confidences.append(_mean(words.confidences[first:last]))
        start = end
    return FlatPage(*size, line_counts, word_counts, blocks, lines, words)


def _add_codes(areas: Areas, codes: Sequence[bytes]) -> None:
    """Append the languages of one more area, each once."""
    different = dict.fromkeys(codes)
    areas.codes += different
    areas.code_counts.append(len(different))


def _mean(confidences: Sequence[float | None]) -> float | None:
    known = [each for each in confidences if each is not None]
    return sum(known) / len(known) if known else None


class FlatText(NamedTuple):
    """What a text feature read."""

    pages: Sequence[FlatPage]
    text: str
    """As `ImageResult.text` is."""

    @classmethod
    def of(cls, pages: Sequence[FlatPage]) -> Self:
        """Return pages with their text.

        Raises:
            UnicodeDecodeError: a word is not UTF-8.
        """
        return cls(pages, b"\n\n".join([text for page in pages for text in page.blocks.texts]).decode())
