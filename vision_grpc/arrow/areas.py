"""Pages as flat lists: all their words, all their lines and all their blocks, in reading order."""

from array import array
from collections.abc import Mapping, Sequence
from itertools import accumulate, chain, pairwise
from typing import NamedTuple, Self, cast

from vision_grpc.arrow.corners import Corners


class Areas(NamedTuple):
    """Areas of one kind: the words, the lines or the blocks of a page."""

    texts: Sequence[bytes]
    """In UTF-8."""

    confidences: Sequence[float | None]

    codes: Sequence[bytes]
    """The codes of the languages of them all."""

    code_counts: "array[int]"
    """How many of the codes each area has."""

    corners: Corners


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


class LineParts(NamedTuple):
    """What lines have that is not made from their words."""

    confidences: Sequence[float | None]
    corners: Corners


def flat_page(
    size: tuple[int, int],
    *,
    line_counts: Sequence[int],
    word_counts: Sequence[int],
    words: Areas,
    lines: LineParts,
    blocks: Corners,
) -> FlatPage:
    """Return a page, the texts and languages of its lines and blocks made from those of its words."""
    of_lines, of_blocks = _spans(word_counts), _spans(line_counts)
    word_ends = [0, *accumulate(word_counts)]
    has_empty, has_one_code = b"" in words.texts, words.code_counts == array("i", [1]) * len(words.texts)
    code_ends = range(len(words.codes) + 1) if has_one_code else [0, *accumulate(words.code_counts)]
    line_words = [words.texts[start:end] for start, end in of_lines]
    line_texts = [b" ".join(filter(None, texts) if has_empty else texts) for texts in line_words]
    line_codes = [dict.fromkeys(words.codes[code_ends[start] : code_ends[end]]) for start, end in of_lines]
    block_texts = [b"\n".join(line_texts[start:end]) for start, end in of_blocks]
    block_codes = [dict.fromkeys(chain.from_iterable(line_codes[start:end])) for start, end in of_blocks]
    means = [_mean(words.confidences[word_ends[start] : word_ends[end]]) for start, end in of_blocks]
    return FlatPage(
        *size,
        line_counts,
        word_counts,
        _areas(block_texts, means, block_codes, blocks),
        _areas(line_texts, lines.confidences, line_codes, lines.corners),
        words,
    )


def _areas(
    texts: Sequence[bytes],
    confidences: Sequence[float | None],
    codes: Sequence[Mapping[bytes, None]],
    corners: Corners,
) -> Areas:
    return Areas(texts, confidences, [*chain.from_iterable(codes)], array("i", map(len, codes)), corners)


def _spans(counts: Sequence[int]) -> Sequence[tuple[int, int]]:
    return [*pairwise(accumulate(counts, initial=0))]


def _mean(confidences: Sequence[float | None]) -> float | None:
    if None in confidences:
        confidences = [each for each in confidences if each is not None]
    known = cast("Sequence[float]", confidences)
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
