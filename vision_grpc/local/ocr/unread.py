"""What is left on a page besides the words that were read."""

from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from vision_grpc.local.ocr.prepare import ground_of

_Boxes = Sequence[tuple[int, int, int, int]]

_SIDE = 1000
# What is so much darker or lighter than what is around it counts as ink.
_CONTRAST = 40
# Boxes end where letters do; a row of them may be too light.
_NEAR = 3


def unread_ink(picture: Image.Image, words: _Boxes) -> float:
    """Return the part of the ink that is not in these boxes: 0 to 1, 0 also if there is no ink at all."""
    factor = max(1, round(max(picture.size) / _SIDE))
    small = picture.convert("L").reduce(factor)
    ink = ImageChops.difference(small, small.filter(ImageFilter.BoxBlur(8))).point(
        [255 * (value > _CONTRAST) for value in range(256)]
    )
    every = ink.histogram()[255]
    draw = ImageDraw.Draw(ink)
    for left, top, right, bottom in words:
        draw.rectangle((left // factor - 1, top // factor - 1, right // factor + 1, bottom // factor + 1), fill=0)
    return ink.histogram()[255] / every if every else 0.0


def without(picture: Image.Image, words: _Boxes) -> Image.Image:
    """Return a picture with these boxes painted over."""
    rest = picture.copy()
    draw, ground = ImageDraw.Draw(rest), ground_of(picture)
    for left, top, right, bottom in words:
        draw.rectangle((left - 2, top - 2, right + 1, bottom + 1), fill=ground)
    return rest


def beside(box: tuple[int, int, int, int], missing: tuple[int, int, int, int]) -> bool:
    """Return whether a box reaches a part of the picture that is missing, or nearly."""
    left, top, right, bottom = missing
    return touches(box, [(left - _NEAR, top - _NEAR, right + _NEAR, bottom + _NEAR)])


def touches(box: tuple[int, int, int, int], others: _Boxes) -> bool:
    """Return whether a box has a point in common with one of the others."""
    left, top, right, bottom = box
    return any(left < x2 and x1 < right and top < y2 and y1 < bottom for x1, y1, x2, y2 in others)
