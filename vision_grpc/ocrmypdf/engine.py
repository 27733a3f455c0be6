"""The engine that OCRmyPDF asks for the text of pages."""

from pathlib import Path
from shutil import which
from typing import Any, NamedTuple

from ocrmypdf import OcrElement, OcrEngine, OcrOptions, OrientationConfidence
from ocrmypdf.builtin_plugins.tesseract_ocr import TesseractOcrEngine
from ocrmypdf.font import MultiFontManager
from ocrmypdf.fpdf_renderer import Fpdf2PdfRenderer
from PIL import Image

from vision_grpc.exports import hocr
from vision_grpc.exports.pdf.text_layer import page_tree
from vision_grpc.ocrmypdf.runs import run_of
from vision_grpc.results import ImageResult
from vision_grpc.version import __version__

_USUAL_DPI = 300.0

_tesseract: Any = TesseractOcrEngine


class VisionEngine(OcrEngine):
    """The Vision service; how a page lies is found out by Tesseract, as the service does not say it."""

    @staticmethod
    def version() -> str:
        """Return the version of this package."""
        return __version__

    @staticmethod
    def creator_tag(options: OcrOptions) -> str:  # noqa: ARG004 - OCRmyPDF's signature
        """Return what the PDF says of its maker."""
        return f"Yandex Vision, by vision-grpc {__version__}"

    def __str__(self) -> str:
        return f"Yandex Vision, by vision-grpc {__version__}"

    @staticmethod
    def languages(options: OcrOptions) -> set[str]:
        """Return those that were asked for: they were checked with the other options."""
        return {*options.languages}

    @staticmethod
    def get_orientation(input_file: Path, options: OcrOptions) -> OrientationConfidence:
        """Return how a page has to be turned, as Tesseract finds it; not at all without Tesseract."""
        if which("tesseract") is None:
            return OrientationConfidence(angle=0, confidence=0.0)
        found: OrientationConfidence = _tesseract.get_orientation(input_file, options)
        return found

    @staticmethod
    def get_deskew(input_file: Path, options: OcrOptions) -> float:
        """Return by how many degrees a page is skewed, as Tesseract finds it; 0 without Tesseract."""
        return 0.0 if which("tesseract") is None else float(_tesseract.get_deskew(input_file, options))

    @staticmethod
    def supports_generate_ocr() -> bool:
        """Return True: words come as a tree."""
        return True

    @staticmethod
    def generate_ocr(input_file: Path, options: OcrOptions, page_number: int = 0) -> tuple[OcrElement, str]:
        """Return the words of a page, and its text.

        Raises:
            ExitCodeException: the page was not read.
        """
        result = run_of(options).read(input_file, page_number) or ImageResult("")
        picture = _look_at(input_file)
        tree = page_tree(result, picture.size, lambda x, y: (x, y), picture.dpi)
        tree.page_number = page_number
        return tree, result.text

    @staticmethod
    def generate_hocr(input_file: Path, output_hocr: Path, output_text: Path, options: OcrOptions) -> None:
        """Write the words of a page as hOCR, and its text."""
        result = run_of(options).read(input_file, 0) or ImageResult("")
        output_hocr.write_bytes(b"".join(hocr(result)))
        output_text.write_text(result.text, encoding="utf-8")

    @staticmethod
    def generate_pdf(input_file: Path, output_pdf: Path, output_text: Path, options: OcrOptions) -> None:
        """Write a PDF that has the words of a page alone, and its text: for `--pdf-renderer sandwich`."""
        tree, text = VisionEngine.generate_ocr(input_file, options)
        Fpdf2PdfRenderer(tree, tree.dpi or _USUAL_DPI, MultiFontManager()).render(output_pdf)
        output_text.write_text(text, encoding="utf-8")


class _Picture(NamedTuple):
    size: tuple[int, int]
    dpi: float | None


def _look_at(file: Path) -> _Picture:
    with Image.open(file) as picture:
        dpi = picture.info.get("dpi")
        return _Picture(picture.size, float(dpi[0]) if dpi else None)
