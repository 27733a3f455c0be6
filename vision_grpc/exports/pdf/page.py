"""What the text of a page is laid on."""

from typing import NamedTuple

import pikepdf

from vision_grpc.exports.pdf.sizes import Matrix
from vision_grpc.exports.pdf.text_layer import Place


class TextPage(NamedTuple):
    """A page of the PDF that is made, and how it is seen."""

    page: pikepdf.Page
    size: tuple[float, float]
    """Width and height in points, as the page is seen."""

    place: Place
    """Where a point of a box lies on the page as it is seen, in points from its upper left corner."""

    matrix: Matrix = (1, 0, 0, 1, 0, 0)
    """Where what is seen lies in the page's own coordinates, both counted from the lower left corner."""
