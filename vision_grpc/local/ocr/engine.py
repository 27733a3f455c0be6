"""Text recognition by Tesseract."""

import importlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from vision_grpc.local.ocr.bitmap import Bitmap
from vision_grpc.local.ocr.languages import choose_models, code_of
from vision_grpc.local.ocr.layout import Box, RecognizedWord, arrange
from vision_grpc.local.ocr.tessdata import installed_models
from vision_grpc.messages import TextAnnotation
from vision_grpc.texts.quoting import show

# PyTessBaseAPI and its result iterator. tesserocr's own annotations are wrong: they want pixels as str.
_Recognizer = Any
_Cursor = Any

_DEFAULT_MODEL = "page"
# Tesseract keeps coordinates in 16 bits and refuses longer sides.
_LONGEST_SIDE = 32_767
_OPENMP_LIMIT = "OMP_THREAD_LIMIT"
# A loaded combination of models holds 10 to 60 MB.
_RECOGNIZERS_PER_THREAD = 4


class UnsupportedTextError(ValueError):
    """The engine does not support what the request asks for."""


class RecognitionError(Exception):
    """Tesseract failed unexpectedly."""


class Engine:
    """Tesseract with the language data of one directory. Thread-safe."""

    def __init__(self, tessdata: Path) -> None:
        self._tesserocr = _import_tesserocr()
        self._modes = {_DEFAULT_MODEL: self._tesserocr.PSM.AUTO, "line": self._tesserocr.PSM.SINGLE_LINE}
        self._tessdata = tessdata
        self._installed = frozenset(installed_models(tessdata))
        self._threads = _Recognizers()

    def recognize(self, bitmap: Bitmap, *, languages: Sequence[str], model: str) -> TextAnnotation:
        """Return the text of a picture; `model` is `page` (also when empty) or `line`.

        The call blocks, but releases the GIL while Tesseract works.

        Raises:
            UnknownLanguageError: a language code is unknown, or its data is not installed.
            UnsupportedTextError: the model is unknown, or the picture is too long for the engine.
            RecognitionError: Tesseract failed.
        """
        names = "+".join(choose_models(languages, self._installed))
        mode = self._modes.get(model or _DEFAULT_MODEL)
        if mode is None:
            message = f"unknown model {show(model)}: use {' or '.join(self._modes)}"
            raise UnsupportedTextError(message)
        longest = max(bitmap.width, bitmap.height)
        if longest > _LONGEST_SIDE:
            message = f"the picture is {longest:,} pixels long, the limit is {_LONGEST_SIDE:,}: cut it into parts"
            raise UnsupportedTextError(message)
        try:
            return self._read(bitmap, names, mode)
        except RuntimeError as error:  # tesserocr raises it for broken language data, for example.
            self._threads.recognizers.pop(names, None)
            message = f"Tesseract failed with {names} of {self._tessdata}: {error}"
            raise RecognitionError(message) from error

    def _read(self, bitmap: Bitmap, names: str, mode: int) -> TextAnnotation:
        recognizer = self._recognizer(names)
        recognizer.SetPageSegMode(mode)
        bytes_per_line = bitmap.width * bitmap.channels
        recognizer.SetImageBytes(bitmap.pixels, bitmap.width, bitmap.height, bitmap.channels, bytes_per_line)
        try:
            if not recognizer.Recognize():
                message = f"Tesseract gave up on a picture of {bitmap.width} x {bitmap.height} pixels"
                raise RecognitionError(message)
            words = _read_words(self._tesserocr, recognizer.GetIterator())
            return arrange(words, width=bitmap.width, height=bitmap.height)
        finally:
            recognizer.Clear()  # Without this, it would keep the pixels until the next picture.

    def _recognizer(self, names: str) -> _Recognizer:
        """Return this thread's recognizer, for a recognizer reads one picture at a time."""
        recognizers = self._threads.recognizers
        if names not in recognizers:
            if len(recognizers) == _RECOGNIZERS_PER_THREAD:
                _, oldest = recognizers.popitem(last=False)
                oldest.End()
            recognizers[names] = self._load(names)
        recognizers.move_to_end(names)
        return recognizers[names]

    def _load(self, names: str) -> _Recognizer:
        recognizer = self._tesserocr.PyTessBaseAPI(path=str(self._tessdata), lang=names)
        # Tesseract silently skips models that it cannot load, unless all of them fail.
        if failed := set(names.split("+")) - set(recognizer.GetLoadedLanguages()):
            message = (
                f"the language data of {', '.join(sorted(failed))} in {self._tessdata} is damaged: install it again"
            )
            raise RecognitionError(message)
        return recognizer


class _Recognizers(threading.local):
    """The recognizers of each thread by the names of their models, the least recently used first."""

    def __init__(self) -> None:
        self.recognizers: OrderedDict[str, _Recognizer] = OrderedDict()


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


def _read_words(tesserocr: ModuleType, cursor: _Cursor) -> Iterator[RecognizedWord]:
    level = tesserocr.RIL
    block = line = 0
    line_confidence = 0.0
    for word in tesserocr.iterate_level(cursor, level.WORD):
        block += word.IsAtBeginningOf(level.BLOCK)
        if word.IsAtBeginningOf(level.TEXTLINE):
            line += 1
            # Later in the line, Confidence() would cover only the words from there to its end.
            line_confidence = word.Confidence(level.TEXTLINE) / 100
        if word.Empty(level.WORD):  # A page without text has one empty word.
            continue
        yield RecognizedWord(
            block,
            line,
            box=Box(*word.BoundingBox(level.WORD)),
            text=word.GetUTF8Text(level.WORD),
            confidence=word.Confidence(level.WORD) / 100,
            line_confidence=line_confidence,
            language=code_of(word.WordRecognitionLanguage()),
        )
