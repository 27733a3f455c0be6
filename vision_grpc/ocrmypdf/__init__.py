"""The plugin for OCRmyPDF: `ocrmypdf --plugin vision_grpc.ocrmypdf in.pdf out.pdf`. It needs the extra `ocrmypdf`.

OCRmyPDF calls the functions here; what they are for is described in `ocrmypdf.pluginspec`.
"""

from argparse import ArgumentParser
from shutil import which
from typing import Any

from vision_grpc.texts.extras import need_extra

need_extra(__name__, "ocrmypdf", "ocrmypdf")

from ocrmypdf import OcrOptions, hookimpl
from ocrmypdf.builtin_plugins.tesseract_ocr import TesseractOptions
from ocrmypdf.exceptions import MissingDependencyError
from ocrmypdf.pdfinfo import PdfInfo
from ocrmypdf.pluginspec import OcrEngine
from pluggy import PluginManager

from vision_grpc.ocrmypdf.engine import VisionEngine
from vision_grpc.ocrmypdf.languages import to_two_letters
from vision_grpc.ocrmypdf.options import VisionOptions, add_arguments, is_chosen
from vision_grpc.ocrmypdf.runs import begin_run

_TESSERACT = "ocrmypdf.builtin_plugins.tesseract_ocr"


@hookimpl
def initialize(plugin_manager: PluginManager) -> None:
    """Let OCRmyPDF run without Tesseract where it is not installed: its own plugin refuses to start then."""
    if which("tesseract") is None:
        plugin_manager.set_blocked(_TESSERACT)


@hookimpl
def register_options() -> dict[str, Any]:
    """Return the options of Tesseract's plugin where that is blocked: OCRmyPDF reads them in any case."""
    return {} if which("tesseract") else {"tesseract": TesseractOptions}


@hookimpl
def add_options(parser: ArgumentParser) -> None:
    """Add our options to those of OCRmyPDF."""
    add_arguments(parser)


@hookimpl
def check_options(options: OcrOptions) -> None:
    """Refuse what cannot work, before anything is read."""
    if not is_chosen(options):
        return
    VisionOptions.of(options)
    to_two_letters(options.languages)
    if (options.rotate_pages or options.deskew) and which("tesseract") is None:
        asked = "--rotate-pages" if options.rotate_pages else "--deskew"
        message = f"{asked} needs Tesseract, as the service does not say how a page lies: apt install tesseract-ocr"
        raise MissingDependencyError(message)
    # Pages wait for the service, not for this machine, and threads share one client, its quota and its connections.
    options.use_threads = True


@hookimpl
def validate(pdfinfo: PdfInfo, options: OcrOptions) -> None:
    """Make the client, before any page is made a picture."""
    if is_chosen(options):
        begin_run(options, pdfinfo)


@hookimpl
def get_ocr_engine(options: OcrOptions | None) -> OcrEngine | None:
    """Return the engine, unless another one is asked for."""
    return VisionEngine() if options is None or is_chosen(options) else None
