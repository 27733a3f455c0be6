"""The engine that reads with Tesseract."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from vision_grpc.local.ocr.bitmap import Bitmap, decode, silence_warnings
from vision_grpc.local.ocr.engine import GivenUpError, RecognitionError, UnsupportedTextError
from vision_grpc.local.ocr.languages import choose_models, code_of, codes_of
from vision_grpc.local.ocr.layout import Box, RecognizedWord, arrange
from vision_grpc.local.ocr.prepare import LONGEST_SIDE
from vision_grpc.local.ocr.reading import PageReader
from vision_grpc.local.ocr.tessdata import installed_models
from vision_grpc.local.ocr.tesseract import EngineWord, PageMode, Recognizer, Tesseract, TesseractError
from vision_grpc.messages import TextAnnotation
from vision_grpc.texts.quoting import show

_DEFAULT_MODEL = "page"
_MODES = {_DEFAULT_MODEL: PageMode.PAGE, "line": PageMode.LINE}
# A loaded combination of models holds 10 to 60 MB.
_RECOGNIZERS_PER_THREAD = 4


class TesseractEngine:
    """Tesseract with the language data of one directory. Thread-safe.

    Without `prepare`, pictures are read as they are, in one pass: that shows what the preparing is worth.
    """

    def __init__(self, tessdata: Path, *, prepare: bool = True) -> None:
        silence_warnings()
        self._tesseract = Tesseract()
        self._tessdata = tessdata
        self._installed = frozenset(installed_models(tessdata))
        self._threads = _Recognizers()
        self.languages: Sequence[str] = codes_of(self._installed)
        """The codes of the languages whose data is installed."""
        self._prepare = prepare

    def open(self, content: bytes) -> "TesseractPicture":
        """Return the decoded picture of a JPEG or PNG.

        Raises:
            UnreadableImageError: no picture is left, it has too many pixels, or its kind is not supported.
        """
        return TesseractPicture(self, decode(content))

    def recognize(
        self, bitmap: Bitmap, *, languages: Sequence[str], model: str, give_up: Callable[[], bool] = lambda: False
    ) -> TextAnnotation:
        """Return the text of a picture; `model` is `page` (also when empty) or `line`.

        The call blocks, but releases the GIL while Tesseract works. `give_up` is asked at the beginning and before
        each line of text.

        Raises:
            UnknownLanguageError: a language code is unknown, or its data is not installed.
            UnsupportedTextError: the model is unknown, or the picture is too long for the engine.
            GivenUpError: `give_up` returned true.
            RecognitionError: Tesseract failed.
        """
        names = "+".join(choose_models(languages, self._installed))
        mode = _MODES.get(model or _DEFAULT_MODEL)
        if mode is None:
            message = f"unknown model {show(model)}: use {' or '.join(_MODES)}"
            raise UnsupportedTextError(message)
        longest = max(bitmap.width, bitmap.height)
        if longest > LONGEST_SIDE:
            message = f"the picture is {longest:,} pixels long, the limit is {LONGEST_SIDE:,}: cut it into parts"
            raise UnsupportedTextError(message)
        if give_up():
            raise GivenUpError
        try:
            return self._read(bitmap, names, mode, give_up)
        except TesseractError as error:
            if give_up():
                raise GivenUpError from error
            message = f"Tesseract failed with {names} of {self._tessdata}: {error}"
            raise RecognitionError(message) from error

    def _read(self, bitmap: Bitmap, names: str, mode: PageMode, give_up: Callable[[], bool]) -> TextAnnotation:
        reader = PageReader(names, installed=self._installed, recognizer=self._recognizer, give_up=give_up)
        reading = reader.read(bitmap, mode) if self._prepare else reader.read_as_it_is(bitmap, mode)
        place = reading.prepared.on_page
        return arrange(_number(reading.words), width=bitmap.width, height=bitmap.height, place=place)

    def _recognizer(self, names: str) -> Recognizer:
        """Return this thread's recognizer, for a recognizer reads one picture at a time."""
        recognizers = self._threads.recognizers
        if names not in recognizers:
            if len(recognizers) == _RECOGNIZERS_PER_THREAD:
                recognizers.popitem(last=False)
            recognizers[names] = self._load(names)
        recognizers.move_to_end(names)
        return recognizers[names]

    def _load(self, names: str) -> Recognizer:
        recognizer = self._tesseract.load(self._tessdata, names)
        # Tesseract silently skips models that it cannot load, unless all of them fail.
        if failed := set(names.split("+")) - recognizer.loaded():
            message = (
                f"the language data of {', '.join(sorted(failed))} in {self._tessdata} is damaged: install it again"
            )
            raise RecognitionError(message)
        return recognizer


class TesseractPicture:
    """A picture, and the engine that reads it."""

    def __init__(self, engine: TesseractEngine, bitmap: Bitmap) -> None:
        self.complete = bitmap.complete
        self.recognize = partial(engine.recognize, bitmap)


class _Recognizers(threading.local):
    """The recognizers of each thread by the names of their models, the least recently used first."""

    def __init__(self) -> None:
        self.recognizers: OrderedDict[str, Recognizer] = OrderedDict()


def _number(words: Iterable[EngineWord]) -> Iterator[RecognizedWord]:
    block = line = 0
    for word in words:
        block += word.begins_block
        line += word.begins_line
        if word.text is None:
            continue
        yield RecognizedWord(
            block,
            line,
            box=Box(*word.box),
            text=word.text,
            confidence=word.confidence / 100,
            line_confidence=word.line_confidence / 100,
            language=code_of(word.model),
        )
