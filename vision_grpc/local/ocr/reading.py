"""A page read in as many passes as it needs."""

import logging
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from functools import cache
from typing import NamedTuple

from PIL import Image, ImageOps

from vision_grpc.local.ocr.addresses import around, doubtful_spans, is_doubtful
from vision_grpc.local.ocr.bitmap import Bitmap
from vision_grpc.local.ocr.languages import code_of, is_written_in, latin_beside_cyrillic
from vision_grpc.local.ocr.layout import Box
from vision_grpc.local.ocr.prepare import (
    DPI,
    ENOUGH_DPI,
    Pose,
    Prepared,
    bitmap_of,
    ground_of,
    in_even_light,
    larger,
    level,
    likely_dpi,
    page_of,
    picture_of,
)
from vision_grpc.local.ocr.tesseract import EngineWord, Orientation, PageMode, Recognizer, TesseractError
from vision_grpc.local.ocr.unread import beside, touches, unread_ink, without

OSD = "osd"

_log = logging.getLogger(__name__)

# Measured: at least 0.87 on pages that lie right, at most 0.48 on those that stand on their heads.
_LIES_RIGHT = 0.7
# Measured: 0.03 to 0.17 on pages of text, 0.27 and more on those with rules, photographs or shadows.
_MUCH_UNREAD = 0.2
# Percentages. What is added to a reading must be surer than the rest, because rules and pictures look like letters.
_GUESS, _SURE = 30, 80
# A line that is cut through must be read more surely than others. Measured, where JPEG and PNG files of one line end:
# 39 to 76 if only the upper half of the letters is there, 75 and more if most of them is.
_SURE_OF_CUT = 75
# Tesseract misreads letters that touch the edge of a picture.
_MARGIN = 10


class Reading(NamedTuple):
    """The words of a page, with their places in what it was prepared to."""

    prepared: Prepared
    words: list[EngineWord]

    @property
    def confidence(self) -> float:
        """The mean of the words' confidences, 0 to 1."""
        sure = [word.confidence for word in self.words if _has_text(word)]
        return sum(sure) / len(sure) / 100 if sure else 0.0

    @property
    def characters(self) -> float:
        """How many characters are read, counted as far as their words are surer than a guess."""
        return sum(max(word.confidence - 50, 0) * len(word.text or "") for word in self.words)

    @property
    def boxes(self) -> list[tuple[int, int, int, int]]:
        """Where the words are that are not mere guesses."""
        return [word.box for word in self.words if _has_text(word) and word.confidence > _GUESS]


class PageReader:
    """Reads pages with models whose names are joined by `+`."""

    def __init__(
        self,
        models: str,
        *,
        installed: Collection[str],
        recognizer: Callable[[str], Recognizer],
        give_up: Callable[[], bool],
    ) -> None:
        self._models = models
        self._installed = installed
        self._recognizer = recognizer
        self._give_up = give_up

    def read(self, bitmap: Bitmap, mode: PageMode) -> Reading:
        """Return the words of a page.

        Raises:
            TesseractError: the picture could not be read, or was given up.
        """
        reading = self._read(page_of(bitmap), mode)
        return reading if bitmap.missing is None else _without_cut_lines(reading, bitmap.missing)

    def _read(self, page: Image.Image, mode: PageMode) -> Reading:
        if mode is PageMode.LINE:
            return self._reread(self._pass(page, Pose(), mode))
        reading = self._pass(page, level(page, Pose()), mode)
        if 0 < reading.confidence < _LIES_RIGHT:
            reading = self._turn(page, reading)
        # Before the search, which would find the pieces of an address that is read unsurely once more.
        reading = self._reread(reading)
        if self._unread(reading) > _MUCH_UNREAD:
            reading = self._search(page, reading)
        return reading

    def read_as_it_is(self, bitmap: Bitmap, mode: PageMode) -> Reading:
        """Return the words of a page that is not prepared.

        Raises:
            TesseractError: the picture could not be read, or was given up.
        """
        recognizer = self._recognizer(self._models)
        prepared = Prepared(picture_of(bitmap), Pose())
        with self._showing(recognizer, prepared.image, mode, 0):
            return self._words(recognizer, prepared)

    def _pass(self, page: Image.Image, pose: Pose, mode: PageMode) -> Reading:
        """Return the words of a page in a pose, enlarged if its lines are small.

        What Tesseract finds out about lines it keeps for the words that follow, so that measuring them costs nothing
        where the picture and its resolution then stay.
        """
        recognizer = self._recognizer(self._models)
        prepared = wanted = Prepared(page, pose)
        for dpi in likely_dpi(prepared):
            with self._showing(recognizer, prepared.image, mode, dpi):
                if not (heights := recognizer.line_heights()):
                    continue
                wanted = larger(page, prepared, heights)
                if wanted is prepared and dpi >= ENOUGH_DPI:
                    return self._words(recognizer, prepared)
            break
        else:
            return Reading(prepared, [])
        with self._showing(recognizer, wanted.image, mode, DPI):
            # The lines of a small picture may have been taken for higher ones.
            prepared, wanted = wanted, larger(page, wanted, recognizer.line_heights())
            if wanted is prepared:
                return self._words(recognizer, prepared)
        with self._showing(recognizer, wanted.image, mode, DPI):
            return self._words(recognizer, wanted)

    def _showing(
        self, recognizer: Recognizer, picture: Image.Image, mode: PageMode, dpi: int
    ) -> AbstractContextManager[None]:
        self._check()
        return recognizer.showing(bitmap_of(picture), mode, dpi=dpi)

    def _words(self, recognizer: Recognizer, prepared: Prepared) -> Reading:
        self._check()
        return Reading(prepared, list(recognizer.words(self._give_up)))

    def _turn(self, page: Image.Image, reading: Reading) -> Reading:
        """Return the better of a reading and one of the page turned upright."""
        found = self._orientation(reading.prepared)
        # Tesseract itself reads what is turned clockwise by one quarter, so that this is right for all the others.
        quarters = 2 if found is None else found.quarters
        if found is not None and not is_written_in(found.script, models := self._models.split("+")):
            asked = ", ".join(map(code_of, models))
            _log.warning(
                "the text of a picture seems to be in %s letters, but it was asked for as %s", found.script, asked
            )
        if not quarters:
            return reading
        pose = level(page, Pose((reading.prepared.pose.quarters + quarters) % 4))
        other = self._pass(page, pose, PageMode.PAGE)
        return max(reading, other, key=lambda each: each.characters)

    def _unread(self, reading: Reading) -> float:
        return unread_ink(reading.prepared.image, reading.boxes)

    def _search(self, page: Image.Image, reading: Reading) -> Reading:
        """Return a reading with what was missed in a shadow, or between rules and pictures."""
        if (even := in_even_light(page)) is not None:
            other = self._pass(even, reading.prepared.pose._replace(scale=1.0), PageMode.PAGE)
            reading = max(reading, other, key=lambda each: each.characters)
        boxes = reading.boxes
        rest = without(reading.prepared.image, boxes)
        recognizer = self._recognizer(self._models)
        with self._showing(recognizer, rest, PageMode.SPARSE, DPI):
            more = [
                word
                for word in recognizer.words(self._give_up)
                if word.confidence > _SURE and _has_text(word) and not touches(word.box, boxes)
                if not is_doubtful(word.text or "")
            ]
        return reading._replace(words=_joined(reading.words, more))

    def _reread(self, reading: Reading) -> Reading:
        """Return a reading with addresses and code in Latin letters that were taken for Cyrillic ones.

        Tesseract tries the next model only where one reads a word badly, and monospaced Latin letters look Cyrillic.
        """
        if (latin := latin_beside_cyrillic(self._models.split("+"))) is None:
            return reading
        words = list(reading.words)
        # From the end on, so that the places of the others stay.
        for span in reversed(doubtful_spans(words)):
            old = words[span]
            new = self._part(latin, reading.prepared.image, around(old))
            if new and min(word.confidence for word in new) > min(word.confidence for word in old):
                first = new[0]._replace(begins_block=old[0].begins_block, begins_line=old[0].begins_line)
                rest = [word._replace(begins_block=False, begins_line=False) for word in new[1:]]
                words[span] = [word._replace(line_confidence=old[0].line_confidence) for word in (first, *rest)]
        return reading._replace(words=words)

    def _part(self, models: str, picture: Image.Image, box: tuple[int, int, int, int]) -> list[EngineWord]:
        """Return the words of a part of a picture that is one line, with their places in the picture."""
        part = ImageOps.expand(picture.crop(box), _MARGIN, ground_of(picture))
        left, top = box[0] - _MARGIN, box[1] - _MARGIN
        recognizer = self._recognizer(models)
        with self._showing(recognizer, part, PageMode.LINE, DPI):
            return [
                word._replace(box=(x1 + left, y1 + top, x2 + left, y2 + top))
                for word in recognizer.words(self._give_up)
                if _has_text(word)
                for x1, y1, x2, y2 in [word.box]
            ]

    def _orientation(self, prepared: Prepared) -> Orientation | None:
        if OSD not in self._installed:
            _tell_that_osd_is_missing()
            return None
        self._check()
        osd = self._recognizer(OSD)
        with osd.showing(bitmap_of(prepared.image), PageMode.ORIENTATION, dpi=DPI):
            return osd.orientation()

    def _check(self) -> None:
        if self._give_up():
            message = "gave up"
            raise TesseractError(message)


@cache
def _tell_that_osd_is_missing() -> None:
    _log.warning(
        "pages that lie on their side or head take longer to read: for the data that tells how they lie, "
        "apt-get install tesseract-ocr-osd"
    )


def _without_cut_lines(reading: Reading, missing: tuple[int, int, int, int]) -> Reading:
    """Return a reading without the lines that the end of a file cuts through, unless they are read surely.

    Single words are not: of letters that are cut, some always look like others.
    """
    lines: list[list[EngineWord]] = []
    for word in reading.words:
        if word.begins_line or not lines:
            lines.append([])
        lines[-1].append(word)

    def stays(line: list[EngineWord]) -> bool:
        if len(line) > 1 and line[0].line_confidence >= _SURE_OF_CUT:
            return True
        return not any(beside(reading.prepared.extent(Box(*word.box)), missing) for word in line)

    return reading._replace(words=[word for line in lines if stays(line) for word in line])


def _has_text(word: EngineWord) -> bool:
    return bool(word.text and word.text.strip())


def _joined(words: list[EngineWord], more: list[EngineWord]) -> list[EngineWord]:
    """Return words with more behind them, each in a block of its own."""
    alone = [word._replace(begins_block=True, begins_line=True, line_confidence=word.confidence) for word in more]
    return [*words, *alone]
