"""A page read in as many passes as it needs."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from typing import NamedTuple

from PIL import Image

from vision_grpc.local.ocr.bitmap import Bitmap
from vision_grpc.local.ocr.prepare import (
    DPI,
    ENOUGH_DPI,
    Pose,
    Prepared,
    larger,
    level,
    likely_dpi,
    page_of,
    picture_of,
)
from vision_grpc.local.ocr.tesseract import EngineWord, Orientation, PageMode, Recognizer, TesseractError

OSD = "osd"

# Measured: at least 0.87 on pages that lie right, at most 0.48 on those that stand on their heads.
_LIES_RIGHT = 0.7


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
        page = page_of(bitmap)
        if mode is PageMode.LINE:
            return self._pass(page, Pose(), mode)
        reading = self._pass(page, level(page, Pose()), mode)
        if 0 < reading.confidence < _LIES_RIGHT:
            reading = self._turn(page, reading)
        return reading

    def read_as_it_is(self, bitmap: Bitmap, mode: PageMode) -> Reading:
        """Return the words of a page that is not prepared.

        Raises:
            TesseractError: the picture could not be read, or was given up.
        """
        recognizer = self._recognizer(self._models)
        prepared = Prepared(picture_of(bitmap), Pose())
        with self._showing(recognizer, prepared, mode, 0):
            return self._words(recognizer, prepared)

    def _pass(self, page: Image.Image, pose: Pose, mode: PageMode) -> Reading:
        recognizer = self._recognizer(self._models)
        prepared = wanted = Prepared(page, pose)
        for dpi in likely_dpi(prepared):
            with self._showing(recognizer, prepared, mode, dpi):
                if not (heights := recognizer.line_heights()):
                    continue
                wanted = larger(page, prepared, heights)
                if wanted is prepared and dpi >= ENOUGH_DPI:
                    return self._words(recognizer, prepared)
            break
        else:
            return Reading(prepared, [])
        with self._showing(recognizer, wanted, mode, DPI):
            # The lines of a small picture may have been taken for higher ones.
            prepared, wanted = wanted, larger(page, wanted, recognizer.line_heights())
            if wanted is prepared:
                return self._words(recognizer, prepared)
        with self._showing(recognizer, wanted, mode, DPI):
            return self._words(recognizer, wanted)

    def _showing(
        self, recognizer: Recognizer, prepared: Prepared, mode: PageMode, dpi: int
    ) -> AbstractContextManager[None]:
        self._check()
        return recognizer.showing(prepared.bitmap(), mode, dpi=dpi)

    def _words(self, recognizer: Recognizer, prepared: Prepared) -> Reading:
        self._check()
        return Reading(prepared, list(recognizer.words(self._give_up)))

    def _turn(self, page: Image.Image, reading: Reading) -> Reading:
        """Return the better of a reading and one of the page turned upright."""
        found = self._orientation(reading.prepared)
        quarters = 2 if found is None else found.quarters
        if not quarters:
            return reading
        pose = level(page, Pose((reading.prepared.pose.quarters + quarters) % 4))
        other = self._pass(page, pose, PageMode.PAGE)
        return max(reading, other, key=lambda each: each.characters)

    def _orientation(self, prepared: Prepared) -> Orientation | None:
        if OSD not in self._installed:
            return None
        self._check()
        osd = self._recognizer(OSD)
        with osd.showing(prepared.bitmap(), PageMode.ORIENTATION, dpi=DPI):
            return osd.orientation()

    def _check(self) -> None:
        if self._give_up():
            message = "gave up"
            raise TesseractError(message)


def _has_text(word: EngineWord) -> bool:
    return bool(word.text and word.text.strip())
