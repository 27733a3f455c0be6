"""A report: one page to look at results with, which needs nothing but a browser."""

from collections.abc import Iterator

from vision_grpc.exports.pictures import Pictures
from vision_grpc.exports.reports.entries import Entries
from vision_grpc.exports.reports.page import beginning, data, end
from vision_grpc.exports.results import Results, each

__all__ = ["MOST_PICTURE_BYTES", "PICTURE_SIDE", "report"]

PICTURE_SIDE = 800
"""The longer side of pictures in a report, in pixels, if nothing else is asked for."""

MOST_PICTURE_BYTES = 96 * 1_048_576
"""How many bytes the pictures of a report have at most. Chromium opens a page of 150 MB within seconds."""


def report(
    results: Results,
    *,
    pictures: Pictures | None = None,
    title: str = "Results",
    picture_side: int = PICTURE_SIDE,
) -> Iterator[bytes]:
    """Yield a page of HTML with the images, their texts and boxes, and why images failed.

    Pictures are looked for by `pictures`, if that is not given by the keys as paths, and scaled to have no longer side
    than `picture_side`; with 0 there are none. A dense page of 800 pixels takes 100 KB. Once the pictures have
    `MOST_PICTURE_BYTES`, results come without.

    The page has no script but its own, which a Content-Security-Policy says too, and asks for nothing from a network.
    """
    entries = Entries(Pictures() if pictures is None else pictures, picture_side, MOST_PICTURE_BYTES)
    yield beginning()
    yield data("report", entries.about(title))
    for result in each(results):
        yield from entries.blocks(result)
    yield end()
