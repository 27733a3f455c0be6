"""Boxes of an answer, put back into the pixels of the image that it was made from."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from vision_grpc.results.ocr_pages import carry, read_pages
from vision_grpc.results.result import ImageError, Outcome

if TYPE_CHECKING:
    from vision_grpc.messages import AnalyzeResult, OcrTextAnnotation

UPRIGHT = 1
"""The EXIF orientation of a picture that is stored as it is to be seen."""

_FIRST_THAT_SWAPS = 5

# EXIF 2.32, tag 0x0112: where a point of the upright picture lies in the stored one, in the order x and y: which
# coordinate of the upright picture it is, and whether it is counted from the other side.
_PLACES = {
    1: ((0, False), (1, False)),
    2: ((0, True), (1, False)),
    3: ((0, True), (1, True)),
    4: ((0, False), (1, True)),
    5: ((1, False), (0, False)),
    6: ((1, False), (0, True)),
    7: ((1, True), (0, True)),
    8: ((1, True), (0, False)),
}


class PixelMap(NamedTuple):
    """Where the pixels of a picture that was sent lie in the picture as its file has it.

    Points are counted at the edges of pixels: a box around the whole picture goes from 0 to its width.
    """

    sent: tuple[int, int]
    """Width and height of what was sent, upright."""

    stored: tuple[int, int]
    """Width and height in the file, before it is turned."""

    orientation: int = UPRIGHT
    """How the stored picture is turned or mirrored to be upright, as a number of EXIF."""

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height of the stored picture when it is turned."""
        return swap_size(self.stored, self.orientation)

    @property
    def is_identity(self) -> bool:
        """Whether each pixel is where it was."""
        return self.orientation == UPRIGHT and self.sent == self.stored

    def to_stored(self, x: int, y: int) -> tuple[int, int]:
        """Return where a point of the picture that was sent lies in the stored one."""
        (wide, high), (wide_before, high_before) = self.upright, self.sent
        point = _scale(x, wide_before, wide), _scale(y, high_before, high)
        (x_axis, x_is_mirrored), (y_axis, y_is_mirrored) = _PLACES[self.orientation]
        (width, height), x, y = self.stored, point[x_axis], point[y_axis]
        return (width - x if x_is_mirrored else x), (height - y if y_is_mirrored else y)

    def restore(self, result: "AnalyzeResult") -> None:
        """Move the boxes of an answer, and the sizes of its pages, from the picture that was sent to the stored one.

        Coordinates of points far outside the picture that would exceed 64 bits become the nearest that do not.
        """
        self._move(_vertices(_polygons(result)))
        for page in _pages(result):
            self._resize(page)

    def restore_page(self, annotation: "OcrTextAnnotation") -> None:
        """Do the same to a page of ocr/v1."""
        self._move(_vertices(_ocr_polygons(annotation)))
        self._resize(annotation)

    def _resize(self, page: Any) -> None:  # noqa: ANN401 - of either API
        (wide, high), (wide_before, high_before) = self.upright, self.sent
        size = _scale(page.width, wide_before, wide), _scale(page.height, high_before, high)
        page.width, page.height = map(_in_64_bits, swap_size(size, self.orientation))

    def _move(self, vertices: Iterable[Any]) -> None:
        (x_axis, x_is_mirrored), (y_axis, y_is_mirrored) = _PLACES[self.orientation]
        (wide, high), (wide_before, high_before), (width, height) = self.upright, self.sent, self.stored
        # `to_stored`, written out: a page of 300 words has 1,300 vertices.
        for vertex in vertices:
            point = (
                (2 * vertex.x * wide + wide_before) // (2 * wide_before),
                (2 * vertex.y * high + high_before) // (2 * high_before),
            )
            x = width - point[x_axis] if x_is_mirrored else point[x_axis]
            y = height - point[y_axis] if y_is_mirrored else point[y_axis]
            try:
                vertex.x = x
                vertex.y = y
            except ValueError:
                vertex.x, vertex.y = _in_64_bits(x), _in_64_bits(y)


def swap_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return the size that a picture has when it is turned by an orientation of EXIF, or turned back."""
    return (size[1], size[0]) if orientation >= _FIRST_THAT_SWAPS else size


class MappedOutcome:
    """An outcome whose boxes are put back into the stored picture when they are read."""

    __slots__ = ("_map", "_message", "_outcome")

    def __init__(self, outcome: Outcome, pixel_map: PixelMap) -> None:
        self._outcome = outcome
        self._map = pixel_map
        self._message: AnalyzeResult | None = None

    def error(self) -> ImageError | None:
        """Return the error, as it came."""
        return self._outcome.error()

    def text(self) -> str:
        """Return the text, without reading a box."""
        return self._outcome.text()

    def message(self) -> "AnalyzeResult":
        """Return the result with its boxes in the stored picture, the same at each call."""
        if self._message is None:
            whole = self._outcome.message()
            message = type(whole)()
            message.CopyFrom(whole)
            self._map.restore(message)
            if pages := read_pages(whole.SerializeToString()):
                for page in pages:
                    self._map.restore_page(page.text_annotation)
                carry(message, pages)
            self._message = message
        return self._message

    def wire(self) -> bytes:
        """Return the result in wire format, with its boxes in the stored picture."""
        return self.message().SerializeToString()

    def __reduce__(self) -> tuple[object, ...]:
        return MappedOutcome, (self._outcome, self._map)


def _scale(value: int, from_length: int, to_length: int) -> int:
    """Return a coordinate in a picture of another length, rounded to the nearest."""
    return (2 * value * to_length + from_length) // (2 * from_length)


def _in_64_bits(value: int) -> int:
    return min(max(value, -(2**63)), 2**63 - 1)


def _vertices(polygons: Iterable[Any]) -> Iterator[Any]:
    for polygon in polygons:
        yield from polygon.vertices


def _ocr_polygons(annotation: "OcrTextAnnotation") -> Iterator[Any]:
    for block in annotation.blocks:
        yield block.bounding_box
        for line in block.lines:
            yield line.bounding_box
            for word in line.words:
                yield word.bounding_box
    for table in annotation.tables:
        yield table.bounding_box
        for cell in table.cells:
            yield cell.bounding_box
    for picture in annotation.pictures:
        yield picture.bounding_box


def _polygons(result: "AnalyzeResult") -> Iterator[Any]:
    for block in (block for page in _pages(result) for block in page.blocks):
        yield block.bounding_box
        for line in block.lines:
            yield line.bounding_box
            for word in line.words:
                yield word.bounding_box
    for feature in result.results:
        for face in feature.face_detection.faces:
            yield face.bounding_box


def _pages(result: "AnalyzeResult") -> Iterable[Any]:
    return (page for feature in result.results for page in feature.text_detection.pages)
