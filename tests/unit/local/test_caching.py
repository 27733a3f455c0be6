"""Answers that are kept for images that come again."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from vision_grpc.local.ocr.caching import CachingEngine
from vision_grpc.local.ocr.engine import GivenUpError, Picture, RecognitionError, UnreadableImageError
from vision_grpc.messages import Page, TextAnnotation

ANSWER_BYTES = 510


class CountingEngine:
    """Answers with a number that no other answer has."""

    def __init__(self) -> None:
        self.opened = self.read = 0
        self.pages = 1
        self.fails: Exception | None = None
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def open(self, content: bytes) -> Picture:
        self.opened += 1
        if content == b"torn":
            message = "torn"
            raise UnreadableImageError(message)
        return CountingPicture(self, complete=content != b"cut")


class CountingPicture:
    def __init__(self, engine: CountingEngine, *, complete: bool) -> None:
        self.complete = complete
        self.engine = engine

    def recognize(self, *, languages: Sequence[str], model: str, give_up: Callable[[], bool]) -> TextAnnotation:
        del languages, model, give_up
        self.engine.read += 1
        self.engine.begun.set()
        assert self.engine.go_on.wait(60)
        if self.engine.fails is not None:
            raise self.engine.fails
        return TextAnnotation(pages=[Page(width=self.engine.read)] * self.engine.pages)


def ask(
    cache: CachingEngine,
    content: bytes = b"page",
    languages: Sequence[str] = ("en",),
    model: str = "",
    give_up: Callable[[], bool] = lambda: False,
) -> int:
    annotation = cache.open(content).recognize(languages=languages, model=model, give_up=give_up)
    return annotation.pages[0].width


@pytest.fixture
def engine() -> CountingEngine:
    return CountingEngine()


def test_the_same_question_is_read_and_decoded_once(engine: CountingEngine) -> None:
    cache = CachingEngine(engine, most_bytes=1 << 20)
    assert [ask(cache), ask(cache), ask(cache)] == [1, 1, 1]
    assert engine.opened == 1
    assert [ask(cache, b"other"), ask(cache, languages=["ru"]), ask(cache, model="line"), ask(cache)] == [2, 3, 4, 1]


def test_an_answer_is_not_changed_by_those_who_got_it(engine: CountingEngine) -> None:
    cache = CachingEngine(engine, most_bytes=1 << 20)
    for _ in range(3):
        annotation = cache.open(b"page").recognize(languages=["en"], model="", give_up=lambda: False)
        assert annotation.pages[0].width == 1
        annotation.pages[0].width = 99


def test_a_picture_that_is_not_complete_stays_so(engine: CountingEngine) -> None:
    cache = CachingEngine(engine, most_bytes=1 << 20)
    for _ in range(2):
        assert not cache.open(b"cut").complete
        assert ask(cache, b"cut") == 1


def test_what_was_not_asked_for_longest_is_forgotten(engine: CountingEngine) -> None:
    cache = CachingEngine(engine, most_bytes=2 * ANSWER_BYTES)
    assert [ask(cache, b"a"), ask(cache, b"b"), ask(cache, b"a"), ask(cache, b"c")] == [1, 2, 1, 3]
    assert [ask(cache, b"a"), ask(cache, b"b")] == [1, 4]
    assert ask(CachingEngine(engine, most_bytes=10)) == 5


def test_an_answer_larger_than_the_cache_displaces_nothing(engine: CountingEngine) -> None:
    cache = CachingEngine(engine, most_bytes=2 * ANSWER_BYTES)
    assert [ask(cache, b"a"), ask(cache, b"b")] == [1, 2]
    engine.pages = 1000
    assert [ask(cache, b"huge"), ask(cache, b"huge")] == [3, 4]
    assert [ask(cache, b"a"), ask(cache, b"b")] == [1, 2]


def test_errors_are_not_kept(engine: CountingEngine) -> None:
    cache = CachingEngine(engine, most_bytes=1 << 20)
    for _ in range(2):
        with pytest.raises(UnreadableImageError):
            cache.open(b"torn")
    engine.fails = RecognitionError("broken")
    with pytest.raises(RecognitionError):
        ask(cache)
    engine.fails = None
    assert ask(cache) == 2


@pytest.mark.parametrize("fails", [None, GivenUpError()])
def test_equal_questions_at_once_are_read_once_unless_that_fails(
    engine: CountingEngine, fails: Exception | None
) -> None:
    cache = CachingEngine(engine, most_bytes=1 << 20)
    engine.go_on.clear()
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(ask, cache) for _ in range(4)]
        assert engine.begun.wait(60)
        with pytest.raises(GivenUpError):
            ask(cache, give_up=lambda: True)
        engine.fails = fails
        engine.go_on.set()
        failures = sum(answer.exception() is not None for answer in answers)
    assert (engine.read, failures) == ((1, 0) if fails is None else (4, 4))
