"""Pictures of very many marks without the smallest: noise and rasters would keep Tesseract busy for minutes."""

import ctypes
import logging
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from ctypes import POINTER, byref, c_int, c_void_p

from vision_grpc.local.ocr.engine import UnsupportedTextError

# The search for lines cannot be broken off, and its time grows faster than the number of marks, which are connected
# black pixels: measured on pictures of 20 Mpixel, 2.4 s for 76,000 (14,000 words of small print), 26 s for 87,000
# letters at random places, 27 s for 158,000 squares of three pixels, and more than two minutes for 1.27 million specks.
_MOST_MARKS = 100_000
# What is smaller is removed until the marks are few enough. Letters that can be read are larger than most of these.
_SIZES = (3, 4, 6, 8, 12)
# Few specks on a large page that is empty otherwise, such as dust, are as bad: 5,000 of four pixels on 20 Mpixel took
# more than 45 s, where those on 5 Mpixel took 2.3 s and 20,000 of ten pixels 1.4 s. Where small marks are text, more of
# them are larger: letters with ascenders, and wide ones.
_LARGE_PIXELS = 4_000_000
_SPECK = 7
_LEAST_TEXT = 0.2
# Points, dots and accents lie at most so many pixels from a letter, where they are small enough to pass for specks.
_REACH = 7

# Constants of Leptonica: corners connect; keep what is as wide as this or as high.
_EIGHT_NEIGHBOURS = 8
_IF_EITHER = 5
_AT_LEAST = 4

_log = logging.getLogger(__name__)


class Specks:
    """Leptonica's functions about marks, in the library that has Tesseract."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        for name, result, *arguments in (
            ("TessBaseAPIGetThresholdedImage", c_void_p, c_void_p),
            ("TessBaseAPISetImage2", None, c_void_p, c_void_p),
            ("pixCountConnComp", c_int, c_void_p, c_int, POINTER(c_int)),
            ("pixSelectBySize", c_void_p, c_void_p, c_int, c_int, c_int, c_int, c_int, POINTER(c_int)),
            ("pixDilateBrick", c_void_p, c_void_p, c_void_p, c_int, c_int),
            ("pixAnd", c_void_p, c_void_p, c_void_p, c_void_p),
            ("pixSeedfillBinary", c_void_p, c_void_p, c_void_p, c_void_p, c_int),
            ("pixDestroy", None, POINTER(c_void_p)),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments

    def remove(self, api: int, pixels: int) -> bool:
        """Return whether most marks of Tesseract's picture were specks: then it has a picture without them instead.

        Specks beside larger marks stay, as the points and accents of letters, unless they are more than those.

        Raises:
            UnsupportedTextError: there are too many other marks.
        """
        # Tesseract keeps this picture, which it needs anyway.
        with self._held(self._library.TessBaseAPIGetThresholdedImage(api)) as whole:
            marks = self._count(whole)
            if pixels > _LARGE_PIXELS and self._replace(api, whole, marks, _SPECK, most=int(marks * _LEAST_TEXT)):
                return True
            if marks <= _MOST_MARKS:
                return False
            if any(self._replace(api, whole, marks, size, most=_MOST_MARKS) for size in _SIZES):
                return True
        message = f"the picture has {marks:,} marks, the limit is {_MOST_MARKS:,}: cut it into parts"
        raise UnsupportedTextError(message)

    def _replace(self, api: int, whole: int | None, marks: int, size: int, *, most: int) -> bool:
        """Give Tesseract the picture without marks smaller than `size`, if no more than `most` are left."""
        lib = self._library
        if whole is None:
            return False
        with self._held(
            lib.pixSelectBySize(whole, size, size, _EIGHT_NEIGHBOURS, _IF_EITHER, _AT_LEAST, None)
        ) as large:
            letters = self._count(large)
            if letters > most:
                return False
            with self._beside(large, whole) as text:
                left = self._count(text)
                # Noise between letters has more specks than there are letters, which have one or two.
                shown, left = (text, left) if left <= min(2 * letters, _MOST_MARKS) else (large, letters)
                lib.TessBaseAPISetImage2(api, shown)
        _log.info(
            "a picture is read without %d of its %d marks, which are smaller than %d pixels", marks - left, marks, size
        )
        return True

    def _beside(self, large: int | None, whole: int) -> AbstractContextManager[int | None]:
        """Return the large marks and those beside them."""
        lib = self._library
        reach = 2 * _REACH + 1
        with self._held(lib.pixDilateBrick(None, large, reach, reach)) as around:
            lib.pixAnd(around, around, whole)
            return self._held(lib.pixSeedfillBinary(None, around, whole, _EIGHT_NEIGHBOURS))

    @contextmanager
    def _held(self, picture: int | None) -> Generator[int | None, None, None]:
        try:
            yield picture
        finally:
            self._library.pixDestroy(byref(c_void_p(picture)))

    def _count(self, picture: int | None) -> int:
        marks = c_int()
        if picture is not None:
            self._library.pixCountConnComp(picture, _EIGHT_NEIGHBOURS, marks)
        return marks.value
