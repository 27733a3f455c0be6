"""Tesseract through its C API, in the library that tesserocr is built on.

tesserocr's own class cannot end a recognition before its time limit: outside the main thread it leaves the monitor's
function for that empty. The C API is Tesseract's stable interface.
https://github.com/tesseract-ocr/tesseract/blob/main/include/tesseract/capi.h
"""

import ctypes
import importlib
import os
import sys
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, c_bool, c_char_p, c_float, c_int, c_void_p
from enum import IntEnum
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from vision_grpc.local.ocr.bitmap import Bitmap
from vision_grpc.local.ocr.specks import Specks

# Leptonica's L_SEVERITY_NONE.
_SILENT = 6
_OPENMP_LIMIT = "OMP_THREAD_LIMIT"
_Cancel = CFUNCTYPE(c_bool, c_void_p, c_int)
_INT = POINTER(c_int)
_TEXTS = POINTER(c_char_p)

# The result and the arguments of each function, without the prefix Tess.
_FUNCTIONS = {
    "BaseAPICreate": (c_void_p,),
    "BaseAPIDelete": (None, c_void_p),
    "BaseAPIInit3": (c_int, c_void_p, c_char_p, c_char_p),
    "BaseAPIGetLoadedLanguagesAsVector": (_TEXTS, c_void_p),
    "BaseAPISetPageSegMode": (None, c_void_p, c_int),
    "BaseAPISetVariable": (c_int, c_void_p, c_char_p, c_char_p),
    "BaseAPISetImage": (None, c_void_p, c_char_p, c_int, c_int, c_int, c_int),
    "BaseAPISetSourceResolution": (None, c_void_p, c_int),
    "BaseAPIAnalyseLayout": (c_void_p, c_void_p),
    "BaseAPIDetectOrientationScript": (c_bool, c_void_p, _INT, POINTER(c_float), POINTER(c_char_p), POINTER(c_float)),
    "BaseAPIRecognize": (c_int, c_void_p, c_void_p),
    "BaseAPIGetIterator": (c_void_p, c_void_p),
    "BaseAPIClear": (None, c_void_p),
    "DeleteText": (None, c_void_p),
    "DeleteTextArray": (None, _TEXTS),
    "MonitorCreate": (c_void_p,),
    "MonitorDelete": (None, c_void_p),
    "MonitorSetCancelFunc": (None, c_void_p, _Cancel),
    "PageIteratorBoundingBox": (c_int, c_void_p, c_int, _INT, _INT, _INT, _INT),
    "PageIteratorDelete": (None, c_void_p),
    "PageIteratorIsAtBeginningOf": (c_int, c_void_p, c_int),
    "PageIteratorNext": (c_int, c_void_p, c_int),
    "ResultIteratorConfidence": (c_float, c_void_p, c_int),
    "ResultIteratorDelete": (None, c_void_p),
    "ResultIteratorGetPageIterator": (c_void_p, c_void_p),
    "ResultIteratorGetUTF8Text": (c_void_p, c_void_p, c_int),
    "ResultIteratorNext": (c_int, c_void_p, c_int),
    "ResultIteratorWordRecognitionLanguage": (c_char_p, c_void_p),
}
# What these do takes microseconds. If they released the GIL, each of the ten calls for a word could wait for it for
# 5 ms, the time for which Python lets other threads keep it.
_QUICK = ("PageIterator", "ResultIterator", "DeleteText")


class PageMode(IntEnum):
    """What the picture is (TessPageSegMode)."""

    ORIENTATION = 0
    PAGE = 3
    LINE = 7
    SPARSE = 11


class _Level(IntEnum):
    """The parts of a page (TessPageIteratorLevel)."""

    BLOCK = 0
    LINE = 2
    WORD = 3


class EngineWord(NamedTuple):
    """A word as Tesseract gives it; the confidences are percentages."""

    begins_block: bool
    begins_line: bool
    box: tuple[int, int, int, int]
    """Left, top, right and bottom in pixels."""
    text: str | None
    """None for a picture or a page without text."""
    confidence: float
    line_confidence: float
    model: str


class Orientation(NamedTuple):
    """How a page lies, as Tesseract guesses from its letters."""

    quarters: int
    """By how many quarters it must be turned against the clock to be upright."""
    script: str
    """The name of its script in English."""


class TesseractError(Exception):
    """Tesseract failed; it gives no reason."""


class Tesseract:
    """The library. Thread-safe."""

    def __init__(self) -> None:
        tesserocr = _import_tesserocr()
        # Functions are looked up in the module's own libraries too, so this is the Tesseract it was built with.
        path = sys.modules[tesserocr.PyTessBaseAPI.__module__].__file__
        library, quick = ctypes.CDLL(path), ctypes.PyDLL(path)
        for name, (result, *arguments) in _FUNCTIONS.items():
            function = getattr(quick if name.startswith(_QUICK) else library, f"Tess{name}")
            function.restype, function.argtypes = result, arguments
            setattr(library, f"Tess{name}", function)
        library.setMsgSeverity(_SILENT)
        self._library = library

    def load(self, tessdata: Path, models: str) -> "Recognizer":
        """Return a recognizer for models, joined by `+`.

        Raises:
            TesseractError: none of them could be loaded.
        """
        return Recognizer(self._library, tessdata, models)


class Recognizer:
    """Loaded models. It reads one picture at a time."""

    def __init__(self, library: ctypes.CDLL, tessdata: Path, models: str) -> None:
        self._library = library
        self._specks = Specks(library)
        self._api = library.TessBaseAPICreate()
        # At exit daemon threads may still be reading.
        weakref.finalize(self, library.TessBaseAPIDelete, self._api).atexit = False
        # Both libraries write to stderr, past all logs, what only their authors understand.
        library.TessBaseAPISetVariable(self._api, b"debug_file", os.fsencode(os.devnull))
        if library.TessBaseAPIInit3(self._api, os.fsencode(tessdata), models.encode()) != 0:
            message = f"cannot load {models}"
            raise TesseractError(message)

    def loaded(self) -> set[str]:
        """Return the models that are loaded: those that cannot be are left out silently if one can."""
        names = self._library.TessBaseAPIGetLoadedLanguagesAsVector(self._api)
        loaded: set[str] = set()
        for name in names:
            if name is None:
                break
            loaded.add(name.decode())
        self._library.TessDeleteTextArray(names)
        return loaded

    @contextmanager
    def showing(self, bitmap: Bitmap, mode: PageMode, *, dpi: int) -> Generator[None, None, None]:
        """Hold the picture that the other methods are about, as one of this resolution."""
        lib, api = self._library, self._api
        lib.TessBaseAPISetPageSegMode(api, mode)
        width, height, channels, pixels, *_ = bitmap
        lib.TessBaseAPISetImage(api, pixels, width, height, channels, width * channels)
        lib.TessBaseAPISetSourceResolution(api, dpi)
        try:
            if self._specks.remove(api, width * height):
                lib.TessBaseAPISetSourceResolution(api, dpi)
            yield
        finally:
            lib.TessBaseAPIClear(api)  # Without this, it would keep the pixels until the next picture.

    def line_heights(self) -> list[int]:
        """Return the heights of the lines of text in pixels; `words` then need not search for the lines again."""
        lib = self._library
        if not (page := lib.TessBaseAPIAnalyseLayout(self._api)):
            return []
        try:
            heights: list[int] = []
            while True:
                _, top, _, bottom = self._box(page, _Level.LINE)
                heights.append(bottom - top)
                if not lib.TessPageIteratorNext(page, _Level.LINE):
                    return heights
        finally:
            lib.TessPageIteratorDelete(page)

    def orientation(self) -> Orientation | None:
        """Return how the page lies, None if it has too few letters for a guess; this is for the model `osd` alone."""
        degrees, sure, name, sure_of_name = c_int(), c_float(), c_char_p(), c_float()
        if not self._library.TessBaseAPIDetectOrientationScript(self._api, degrees, sure, name, sure_of_name):
            return None
        return Orientation(degrees.value // 90, (name.value or b"").decode())

    def words(self, give_up: Callable[[], bool]) -> Iterator[EngineWord]:
        """Yield the words of the picture; none from the moment on when `give_up` returns true.

        It is asked before each line of text. The search for the lines cannot be broken off; it takes seconds for a
        page full of small print.

        Raises:
            TesseractError: the picture could not be read, or was given up.
        """
        if self._recognize(give_up) != 0:
            message = "gave up on a picture"
            raise TesseractError(message)
        yield from self._words()

    def _recognize(self, give_up: Callable[[], bool]) -> int:
        def cancel(_context: int | None, _words: int) -> bool:
            return give_up()

        lib = self._library
        callback = _Cancel(cancel)
        monitor = lib.TessMonitorCreate()
        try:
            lib.TessMonitorSetCancelFunc(monitor, callback)
            result: int = lib.TessBaseAPIRecognize(self._api, monitor)
            return result
        finally:
            lib.TessMonitorDelete(monitor)

    def _words(self) -> Iterator[EngineWord]:
        lib = self._library
        if not (results := lib.TessBaseAPIGetIterator(self._api)):
            return
        try:
            page = lib.TessResultIteratorGetPageIterator(results)
            line_confidence = 0.0
            while True:
                if begins_line := bool(lib.TessPageIteratorIsAtBeginningOf(page, _Level.LINE)):
                    # Later in the line, this would cover only the words from there to its end.
                    line_confidence = lib.TessResultIteratorConfidence(results, _Level.LINE)
                yield EngineWord(
                    begins_block=bool(lib.TessPageIteratorIsAtBeginningOf(page, _Level.BLOCK)),
                    begins_line=begins_line,
                    box=self._box(page, _Level.WORD),
                    text=self._text(results),
                    confidence=lib.TessResultIteratorConfidence(results, _Level.WORD),
                    line_confidence=line_confidence,
                    model=(lib.TessResultIteratorWordRecognitionLanguage(results) or b"").decode(),
                )
                if not lib.TessResultIteratorNext(results, _Level.WORD):
                    return
        finally:
            lib.TessResultIteratorDelete(results)

    def _box(self, page: int, level: _Level) -> tuple[int, int, int, int]:
        left, top, right, bottom = c_int(), c_int(), c_int(), c_int()
        self._library.TessPageIteratorBoundingBox(page, level, left, top, right, bottom)
        return left.value, top.value, right.value, bottom.value

    def _text(self, results: int) -> str | None:
        if not (text := self._library.TessResultIteratorGetUTF8Text(results, _Level.WORD)):
            return None
        try:
            return ctypes.string_at(text).decode()
        finally:
            self._library.TessDeleteText(text)


def _import_tesserocr() -> ModuleType:
    # If Tesseract was built with OpenMP, its threads would compete with ours. OpenMP reads its limit once, when it is
    # loaded. Afterwards the variable is removed, so that it does not limit other libraries and child processes.
    if _OPENMP_LIMIT in os.environ:
        return importlib.import_module("tesserocr")
    os.environ[_OPENMP_LIMIT] = "1"
    try:
        return importlib.import_module("tesserocr")
    finally:
        del os.environ[_OPENMP_LIMIT]
