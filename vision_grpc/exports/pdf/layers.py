"""Trees of words made into a PDF whose pages have text that is not seen, and nothing else."""

from collections.abc import Sequence
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import TextMode
from ocrmypdf.font import MultiFontManager
from ocrmypdf.fpdf_renderer import Fpdf2PdfRenderer
from ocrmypdf.fpdf_renderer.renderer import CoordinateTransform
from ocrmypdf.models.ocr_element import OcrElement

from vision_grpc.exports.pdf.fonts import Fonts
from vision_grpc.exports.pdf.sizes import POINTS_PER_INCH


def render_layers(trees: Sequence[OcrElement], folder: Path) -> Path:
    """Return the file of a PDF with a page for each tree, whose places are in points."""
    fonts = Fonts((word.text for tree in trees for word in tree.words), folder)
    # Characters stay what they are, one by one: shapes that nobody sees would cost copied text its letters.
    pdf = FPDF(unit="pt")
    pdf.set_auto_page_break(auto=False)
    pdf.c_margin = 0
    pdf.text_mode = TextMode.INVISIBLE
    # One for all pages, as it knows which fonts the PDF has.
    renderer = Fpdf2PdfRenderer(trees[0], POINTS_PER_INCH, MultiFontManager(font_provider=fonts))
    for tree in trees:
        if tree.bbox is not None:
            renderer.page = tree
            renderer.coord_transform = CoordinateTransform(POINTS_PER_INCH, tree.bbox.width, tree.bbox.height)
        renderer.render_to_pdf(pdf)
    path = folder / "layers.pdf"
    pdf.output(str(path))
    return path
