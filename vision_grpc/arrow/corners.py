"""The corners of polygons, cut from wire bytes for all polygons of a page at once.

Usual boxes are read as columns of bytes (see `quads`), the others by the parser. Joined polygons parse as one polygon.
In a class whose fields are declared as lists, that has the x and the y of all corners in two lists, a fifth of what
reading 1,200 corners one by one costs. A list alone does not show which corner a number is of: a zero is not on the
wire, and what was sent twice counts once. So the lists are taken only if they prove that each polygon has four corners
with both numbers; if they do not, the polygons that are not usual, a fifth of a page, are read one by one:

- In a second class x and y are required. If all corners have them, and written again they are the same bytes, each
  corner has x and y once.
- Between polygons, a corner is joined in that no polygon has. If every fifth one is of it, and no other, each polygon
  has four; and none is torn, so that its last field reaches over the next polygon.
"""

from array import array
from collections.abc import Iterator, Sequence
from struct import Struct
from struct import error as StructError  # noqa: N812 - the module calls it `error`
from typing import Any, NamedTuple, Self

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from vision_grpc.arrow.quads import CORNERS, NUMBERS, read_quads
from vision_grpc.messages import Polygon, Vertex
from vision_grpc.results.slim import slim_class, written

_MOST, _LEAST = 2**31 - 1, -(2**31)
# Beyond what the columns hold.
_NO_COORDINATE = 2**31
_NO_CORNER = Vertex(x=_NO_COORDINATE, y=_NO_COORDINATE)
_NO_CORNER_WIRE = _NO_CORNER.SerializeToString()
_BETWEEN = Polygon(vertices=[_NO_CORNER]).SerializeToString()


class Corners(NamedTuple):
    """The corners of areas, in pixels; numbers beyond 32 bits are the nearest within."""

    polygons: "array[int]"
    """x and y of all corners in turn."""

    counts: "array[int]"
    """How many of these numbers each area has."""

    quads: "array[int]"
    """Likewise x and y of four corners of each area that have the same box; zeros of an area without corners.

    The same array where each has four.
    """

    def split(self, *numbers: int) -> Iterator[Self]:
        """Yield the corners of so many areas, and of so many that follow them, and so on."""
        first = start = 0
        for number in numbers:
            last = first + number
            end = start + sum(self.counts[first:last])
            polygons = self.polygons[start:end]
            quads = polygons if self.quads is self.polygons else self.quads[first * NUMBERS : last * NUMBERS]
            yield type(self)(polygons, self.counts[first:last], quads)
            first, start = last, end


def cut_corners(polygons: Sequence[bytes]) -> Corners:
    """Return the corners of Polygon messages in wire format.

    Raises:
        DecodeError: one is not a Polygon.
    """
    flat, places = read_quads(polygons)
    others = [polygons[place] for place in places]
    if (joined := _cut_joined(others)) is None:
        return _with_others(flat, places, [*map(_read, others)])
    for start, place in zip(range(0, len(joined), NUMBERS), places, strict=True):
        flat[place * NUMBERS : place * NUMBERS + NUMBERS] = joined[start : start + NUMBERS]
    return Corners(flat, _four_corners(len(polygons)), flat)


def _with_others(flat: "array[int]", places: Sequence[int], others: Sequence["array[int]"]) -> Corners:
    """Return corners, those at some places being others."""
    counts = _four_corners(len(flat) // NUMBERS)
    quads = flat[:]
    # From the last one, as more or fewer numbers move all that follow.
    for place, numbers in zip(reversed(places), reversed(others), strict=True):
        row = slice(NUMBERS * place, NUMBERS * place + NUMBERS)
        counts[place] = len(numbers)
        flat[row] = numbers
        quads[row] = numbers if len(numbers) == NUMBERS else _quad(numbers)
    return Corners(flat, counts, quads)


def _four_corners(polygons: int) -> "array[int]":
    return array("i", [NUMBERS]) * polygons


def _read(polygon: bytes) -> "array[int]":
    numbers = [number for vertex in Polygon.FromString(polygon).vertices for number in (vertex.x, vertex.y)]
    try:
        return array("i", numbers)
    except OverflowError:
        return array("i", map(clip, numbers))


def _cut_joined(polygons: Sequence[bytes]) -> "array[int] | None":
    """Return the numbers of polygons of four corners, None if one may be something else."""
    if not polygons:
        return array("i")
    joined = _BETWEEN.join(polygons)
    if joined.count(_NO_CORNER_WIRE) != len(polygons) - 1:
        return None
    merged: Any = _Merged.FromString(joined)
    xs, ys = merged.vertices.x[:], merged.vertices.y[:]
    if not (_are_quads(xs, len(polygons)) and _are_quads(ys, len(polygons))):
        return None
    checked: Any = _Checked.FromString(joined)
    if len(checked.vertices) != len(xs) or written(checked) != joined:
        return None
    del xs[CORNERS :: CORNERS + 1], ys[CORNERS :: CORNERS + 1]
    # Twice as fast as an array of the list.
    pack = Struct(f"{len(xs)}i").pack
    flat = array("i", bytes(NUMBERS * len(polygons) * array("i").itemsize))
    try:
        flat[::2], flat[1::2] = array("i", pack(*xs)), array("i", pack(*ys))
    except StructError:  # Beyond 32 bits, as what was joined in.
        return None
    return flat


def _are_quads(numbers: list[int], polygons: int) -> bool:
    """Return whether every fifth number is of the corner that was joined in; the others are looked at when packed."""
    return (
        len(numbers) == (CORNERS + 1) * polygons - 1
        and numbers[CORNERS :: CORNERS + 1].count(_NO_COORDINATE) == polygons - 1
    )


def _quad(numbers: "array[int]") -> "array[int]":
    if not numbers:
        return array("i", bytes(NUMBERS * numbers.itemsize))
    xs, ys = numbers[::2], numbers[1::2]
    return array("i", (min(xs), min(ys), max(xs), max(ys)) * 2)


def clip(value: int) -> int:
    """Return a number that has 32 bits: of one beyond, the nearest."""
    return min(max(value, _LEAST), _MOST)


def _as_lists(message: str, field: FieldDescriptorProto) -> None:
    field.label = field.LABEL_REPEATED if message == Vertex.DESCRIPTOR.name else field.LABEL_OPTIONAL


def _as_required(message: str, field: FieldDescriptorProto) -> None:
    if message == Vertex.DESCRIPTOR.name:
        field.label = field.LABEL_REQUIRED


_Merged = slim_class(Polygon, "vision_grpc.arrow.merged_corners", _as_lists)
_Checked = slim_class(Polygon, "vision_grpc.arrow.checked_corners", _as_required, syntax="proto2")
