"""What the PDFs of this program say about where they come from."""

from pathlib import Path

import ocrmypdf
import pikepdf

from vision_grpc.version import __version__

_NAME = "vision-grpc "
PRODUCER = f"{_NAME}{__version__} with OCRmyPDF {ocrmypdf.__version__}"


def is_own(path: Path) -> bool:
    """Return whether a file is a PDF that this program made, in any of its versions."""
    try:
        with pikepdf.open(path) as pdf:
            about = pdf.trailer.get("/Info")
            producer = about.get("/Producer") if isinstance(about, pikepdf.Dictionary) else None
            return producer is not None and str(producer).startswith(_NAME)
    except (pikepdf.PdfError, pikepdf.PasswordError, OSError, ValueError):  # Not a PDF, or a damaged one.
        return False
