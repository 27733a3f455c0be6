"""Answers for images that come again."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

from vision_grpc.local.ocr.engine import GivenUpError, OcrEngine, Picture
from vision_grpc.messages import TextAnnotation

# What an answer takes besides its own bytes: the digest, the languages and the places in dictionaries.
_ENTRY_BYTES = 500
_LOOK_S = 0.1


class _Question(NamedTuple):
    digest: bytes
    languages: tuple[str, ...]
    model: str


class CachingEngine:
    """An engine that reads the same file, languages and model once, as long as `most_bytes` hold its answer.

    What was not asked for the longest time is forgotten first. Errors are not kept. A question that is being answered
    already waits for that answer. Thread-safe.
    """

    def __init__(self, engine: OcrEngine, *, most_bytes: int) -> None:
        self.engine = engine
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._answers: OrderedDict[_Question, bytes] = OrderedDict()
        self._bytes = 0
        self._complete: dict[bytes, tuple[bool, int]] = {}
        """Of each file with answers: whether it has all of its picture, and the number of answers."""
        self._readings: dict[_Question, threading.Event] = {}

    def open(self, content: bytes) -> Picture:
        """Return the picture of a file, which is not decoded if there are answers for it.

        Raises:
            UnreadableImageError: the engine gets no picture from it.
        """
        digest = hashlib.sha256(content).digest()
        with self._lock:
            complete, _ = self._complete.get(digest, (None, 0))
        picture = _CachedPicture(self, content, digest)
        picture.complete = picture.opened.complete if complete is None else complete
        return picture

    def answer(
        self, question: _Question, *, complete: bool, read: Callable[[], TextAnnotation], give_up: Callable[[], bool]
    ) -> TextAnnotation:
        """Return the answer that is kept, that another thread is about to give, or that of `read`.

        Raises:
            GivenUpError: `give_up` returned true.
        """
        while True:
            with self._lock:
                if (kept := self._answers.get(question)) is not None:
                    self._answers.move_to_end(question)
                    break
                if (reading := self._readings.get(question)) is None:
                    self._readings[question] = threading.Event()
                    break
            while not reading.wait(_LOOK_S):
                if give_up():
                    raise GivenUpError
        return self._read(question, complete, read) if kept is None else TextAnnotation.FromString(kept)

    def _read(self, question: _Question, complete: bool, read: Callable[[], TextAnnotation]) -> TextAnnotation:  # noqa: FBT001
        try:
            text = read()
            kept = text.SerializeToString()
            # A larger one would take the place of all others and be forgotten with them.
            if len(kept) + _ENTRY_BYTES <= self._most_bytes:
                with self._lock:
                    self._keep(question, kept, complete=complete)
            return text
        finally:
            with self._lock:
                self._readings.pop(question).set()

    def _keep(self, question: _Question, text: bytes, *, complete: bool) -> None:
        self._answers[question] = text
        self._bytes += len(text) + _ENTRY_BYTES
        _, count = self._complete.get(question.digest, (complete, 0))
        self._complete[question.digest] = complete, count + 1
        while self._bytes > self._most_bytes:
            self._forget(*self._answers.popitem(last=False))

    def _forget(self, question: _Question, text: bytes) -> None:
        self._bytes -= len(text) + _ENTRY_BYTES
        complete, count = self._complete.pop(question.digest)
        if count > 1:
            self._complete[question.digest] = complete, count - 1


class _CachedPicture:
    complete: bool

    def __init__(self, cache: CachingEngine, content: bytes, digest: bytes) -> None:
        self._cache = cache
        self._content = content
        self._digest = digest

    @cached_property
    def opened(self) -> Picture:
        return self._cache.engine.open(self._content)

    def recognize(self, *, languages: Sequence[str], model: str, give_up: Callable[[], bool]) -> TextAnnotation:
        def read() -> TextAnnotation:
            return self.opened.recognize(languages=languages, model=model, give_up=give_up)

        question = _Question(self._digest, tuple(languages), model)
        return self._cache.answer(question, complete=self.complete, read=read, give_up=give_up)
