"""Recognitions that do not give up are left to themselves."""

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from vision_grpc.local.ocr.engine import GivenUpError, Picture, RecognitionError
from vision_grpc.local.ocr.leaving import LeavingEngine
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import Page, TextAnnotation

TEXT = TextAnnotation(pages=[Page(width=3)])


class DeafEngine:
    """Reads until it is released, whatever it is told."""

    complete = True

    def __init__(self) -> None:
        self.begun, self.released, self.ended = threading.Event(), threading.Event(), threading.Semaphore(0)

    def open(self, content: bytes) -> Picture:  # noqa: ARG002
        return self

    def recognize(self, *, languages: Sequence[str], model: str, give_up: Callable[[], bool]) -> TextAnnotation:
        del languages, model, give_up
        self.begun.set()
        self.released.wait()
        self.ended.release()
        return TEXT


@pytest.fixture
def deaf() -> Iterator[DeafEngine]:
    engine = DeafEngine()
    yield engine
    engine.released.set()


def read(engine: LeavingEngine, give_up: Callable[[], bool]) -> TextAnnotation:
    return engine.open(b"").recognize(languages=["en"], model="", give_up=give_up)


def test_answers_and_errors_of_the_engine_pass() -> None:
    assert read(LeavingEngine(ScriptedEngine(lambda _: TEXT)), lambda: False) == TEXT
    with pytest.raises(RecognitionError, match="broken"):
        read(LeavingEngine(ScriptedEngine(lambda _: RecognitionError("broken"))), lambda: False)
    with pytest.raises(GivenUpError):
        read(LeavingEngine(ScriptedEngine(lambda _: TEXT)), lambda: True)


def test_a_thread_goes_on_with_the_next_picture_when_the_engine_does_not_give_up(
    deaf: DeafEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine = LeavingEngine(deaf, giving_up_s=0)
    with pytest.raises(GivenUpError):
        read(engine, deaf.begun.is_set)
    assert "not waited for" in caplog.text
    deaf.released.set()
    assert read(engine, lambda: False) == TEXT


def test_only_so_many_are_left_at_once(deaf: DeafEngine) -> None:
    engine = LeavingEngine(deaf, giving_up_s=0)
    for _ in range(4):
        with pytest.raises(GivenUpError):
            read(engine, lambda: True)
    asked = 0

    def give_up() -> bool:
        nonlocal asked
        asked += 1
        if asked == 2:
            deaf.released.set()
        return True

    assert read(engine, give_up) == TEXT
    for _ in range(5):
        assert deaf.ended.acquire(timeout=60)
