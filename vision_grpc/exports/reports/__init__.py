"""A report: one page to look at results with, which needs nothing but a browser."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator

from vision_grpc.exports.documents import pages_of
from vision_grpc.exports.pictures.finding import Pictures
from vision_grpc.exports.reports.entries import Entries
from vision_grpc.exports.reports.page import beginning, data, end
from vision_grpc.exports.results import damage_of
from vision_grpc.results import ImageResult
from vision_grpc.results.each import Results, each

__all__ = ["MOST_PICTURE_BYTES", "PICTURE_SIDE", "Report", "report"]

PICTURE_SIDE = 800
"""The longer side of pictures in a report, in pixels, if nothing else is asked for."""

MOST_PICTURE_BYTES = 96 * 1_048_576
"""How many bytes the pictures of a report have at most. Chromium opens such a page within seconds."""


def report(
    results: Results,
    *,
    title: str = "Results",
    picture_folder: str | os.PathLike[str] | None = None,
    picture_side: int = PICTURE_SIDE,
) -> Iterator[bytes]:
    """Yield a page of HTML with the images, their texts and boxes, and why images failed; see `Report`."""
    return Report(title=title, picture_folder=picture_folder, picture_side=picture_side).chunks(results)


class Report:
    """A page of HTML with the images, their texts and boxes, and why images failed.

    Pictures are looked for as `exports.Pictures` does, in `picture_folder` if that is given, and scaled so that no
    side is longer than `picture_side`; with 0 there are none. A dense page of 800 pixels takes 100 KB. Once the
    pictures have `MOST_PICTURE_BYTES`, results come without.

    The page has no script but its own, which a Content-Security-Policy says too, and asks for nothing from a network.
    """

    def __init__(
        self,
        *,
        title: str = "Results",
        picture_folder: str | os.PathLike[str] | None = None,
        picture_side: int = PICTURE_SIDE,
    ) -> None:
        self._title = title
        self._entries = Entries(Pictures(picture_folder), picture_side, MOST_PICTURE_BYTES)
        self.images: int = 0
        """How many images the page has by now; each page of a document is one."""

    @property
    def missing(self) -> Counter[str]:
        """Why images have no picture, with their numbers."""
        return self._entries.missing

    def chunks(self, results: Results) -> Iterator[bytes]:
        """Yield the page; the next result is pulled when the one before it is taken."""
        yield beginning()
        yield data("report", self._entries.about(self._title))
        for result in each(results):
            for page in _pages(result):
                self.images += 1
                yield from self._entries.blocks(page)
        yield end()


def _pages(result: ImageResult) -> Iterable[ImageResult]:
    """Return what is shown of a result: each of its pages, if it has several and was read."""
    is_read = result.ok and result.outcome is not None and damage_of(result) is None
    return pages_of(result) if is_read else [result]
