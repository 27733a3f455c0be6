"""A PDF that is made part by part in files, so that its length costs no memory."""

from itertools import count
from pathlib import Path

import pikepdf
from ocrmypdf.models.ocr_element import OcrElement

from vision_grpc.exports.pdf.layers import render_layers
from vision_grpc.exports.pdf.page import TextPage
from vision_grpc.exports.pdf.producer import PRODUCER
from vision_grpc.exports.pdf.sizes import POINTS_PER_INCH, written
from vision_grpc.exports.pdf.text_layer import page_tree
from vision_grpc.results import ImageResult

_MOST_PAGES = 64
"""Pages of a part: they share fonts, of which each part has its own."""

_MOST_BYTES = 32 * 1_048_576
"""After so many bytes of pictures a part ends too."""


class Parts:
    """The PDF of pages that are added one by one; of the same pages it is the same PDF, byte for byte."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[Path] = []
        self._begin()

    def add(self, page: TextPage, result: ImageResult, held_bytes: int) -> None:
        """Lay the words of a result on a page, which is the last one of `pdf` and takes so many bytes of memory."""
        self._pages.append(page)
        self._trees.append(page_tree(result, page.size, page.place, POINTS_PER_INCH))
        self._bytes += held_bytes
        if len(self._pages) >= _MOST_PAGES or self._bytes >= _MOST_BYTES:
            self._end()

    def finish(self) -> Path | None:
        """Return the file of the whole PDF, None if it has no pages."""
        self._end()
        if len(self._files) <= 1:
            return self._files[0] if self._files else None
        whole = self._folder / "whole.pdf"
        # qpdf copies from file to file; pikepdf itself would read all of them into memory.
        first, *others = map(str, self._files)
        pikepdf.Job(["qpdf", "--deterministic-id", first, "--pages", first, *others, "--", str(whole)]).run()
        return whole

    def _begin(self) -> None:
        self.pdf: pikepdf.Pdf = pikepdf.new()
        self._pages: list[TextPage] = []
        self._trees: list[OcrElement] = []
        self._bytes = 0

    def _end(self) -> None:
        if not self._pages:
            return
        _lay_text(self.pdf, self._pages, self._trees, self._folder)
        self.pdf.docinfo["/Producer"] = PRODUCER
        self._files.append(self._folder / f"{len(self._files)}.pdf")
        self.pdf.save(self._files[-1], object_stream_mode=pikepdf.ObjectStreamMode.generate, deterministic_id=True)
        self.pdf.close()
        self._begin()


def _lay_text(pdf: pikepdf.Pdf, pages: list[TextPage], trees: list[OcrElement], folder: Path) -> None:
    """Put the words below what the pages show."""
    with pikepdf.open(render_layers(trees, folder)) as layers:
        for page, tree, layer in zip(pages, trees, layers.pages, strict=True):
            if not tree.children:
                continue
            form = pdf.copy_foreign(layer.as_form_xobject())
            name = page.page.add_resource(form, pikepdf.Name.XObject, _free_name(page.page))
            # Below, where no change of coordinates that the page leaves behind reaches it.
            page.page.contents_add(b"q %s cm %s Do Q" % (written(page.matrix), str(name).encode()), prepend=True)


def _free_name(page: pikepdf.Page) -> pikepdf.Name:
    """Return a name for the words that nothing on a page has; pikepdf's own names are another one each time."""
    taken = {*page.resources.get("/XObject", pikepdf.Dictionary()).keys()}
    return next(pikepdf.Name(name) for number in count(1) if (name := f"/Text{number}") not in taken)
