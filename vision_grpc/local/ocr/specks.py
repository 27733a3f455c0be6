"""Pictures of very many marks without the smallest: noise and rasters would keep Tesseract busy for minutes."""

import ctypes
from ctypes import POINTER, byref, c_int, c_void_p

from vision_grpc.local.ocr.engine import UnsupportedTextError

# The search for lines cannot be broken off, and its time grows faster than the number of marks, which are connected
# black pixels: measured on pictures of 20 Mpixel, 2.4 s for 76,000 (14,000 words of small print), 26 s for 87,000
# letters at random places, 27 s for 158,000 squares of three pixels, and more than two minutes for 1.27 million specks.
_MOST_MARKS = 100_000
# What is smaller is removed until the marks are few enough. Letters that can be read are larger than most of these.
_SIZES = (3, 4, 6, 8, 12)

# Constants of Leptonica: corners connect; keep what is as wide as this or as high.
_EIGHT_NEIGHBOURS = 8
_IF_EITHER = 5
_AT_LEAST = 4


class Specks:
    """Leptonica's functions about marks, in the library that has Tesseract."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        for name, result, *arguments in (
            ("TessBaseAPIGetThresholdedImage", c_void_p, c_void_p),
            ("TessBaseAPISetImage2", None, c_void_p, c_void_p),
            ("pixCountConnComp", c_int, c_void_p, c_int, POINTER(c_int)),
            ("pixSelectBySize", c_void_p, c_void_p, c_int, c_int, c_int, c_int, c_int, POINTER(c_int)),
            ("pixDestroy", None, POINTER(c_void_p)),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments

    def remove(self, api: int) -> bool:
        """Return whether Tesseract's picture had too many marks: then one without the smallest took its place.

        Raises:
            UnsupportedTextError: too many are not small.
        """
        lib = self._library
        # Tesseract keeps this picture, which it needs anyway.
        whole = lib.TessBaseAPIGetThresholdedImage(api)
        try:
            marks = self._count(whole)
            if marks <= _MOST_MARKS:
                return False
            for size in _SIZES:
                cleaned = lib.pixSelectBySize(whole, size, size, _EIGHT_NEIGHBOURS, _IF_EITHER, _AT_LEAST, None)
                try:
                    if self._count(cleaned) <= _MOST_MARKS:
                        lib.TessBaseAPISetImage2(api, cleaned)
                        return True
                finally:
                    lib.pixDestroy(byref(c_void_p(cleaned)))
        finally:
            lib.pixDestroy(byref(c_void_p(whole)))
        message = f"the picture has {marks:,} marks, the limit is {_MOST_MARKS:,}: cut it into parts"
        raise UnsupportedTextError(message)

    def _count(self, picture: int | None) -> int:
        marks = c_int()
        if picture is not None:
            self._library.pixCountConnComp(picture, _EIGHT_NEIGHBOURS, marks)
        return marks.value
