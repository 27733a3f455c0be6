"""How long pictures are read, for clients of any patience."""

import time

import pytest

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.local.analysis import Analysis
from vision_grpc.local.ocr.engine import GivenUpError, Picture
from vision_grpc.local.patience import Patience, TimeLimit
from vision_grpc.messages import AnalyzeSpec, Feature, FeatureTextDetectionConfig, TextAnnotation

CONFIG = FeatureTextDetectionConfig(language_codes=["en"])
FEATURE = Feature(type=Feature.TEXT_DETECTION, text_detection_config=CONFIG)
SPEC = AnalyzeSpec(content=b"\xff\xd8", features=[FEATURE] * 2)


class EndlessEngine:
    """Reads until it is told to give up."""

    complete = True

    def open(self, content: bytes) -> Picture:  # noqa: ARG002
        return self

    def recognize(self, *, languages: object, model: object, give_up: object) -> TextAnnotation:  # noqa: ARG002
        assert callable(give_up)
        while not give_up():
            time.sleep(0.001)
        raise GivenUpError


def waiting(*, s: float, waited_s: float = 0.0) -> Patience:
    """Return the patience of a client that waits for `s` seconds in all, `waited_s` of which are over."""
    now = time.monotonic()
    return Patience(began_at=now - waited_s, deadline=now - waited_s + s)


def test_the_limit_of_the_service_is_that_of_a_whole_image_and_lasting() -> None:
    started = time.monotonic()
    result = Analysis(EndlessEngine(), Limits(), recognition_s=0.1).analyze(SPEC, waiting(s=60))
    # Not that of each feature.
    assert len(result.results) == 2
    message = (
        "the text was not read to its end within 0.1 s, the limit of this service: cut the picture into parts, or "
        "let the service take longer (--recognition-seconds)"
    )
    assert {(each.error.code, each.error.message) for each in result.results} == {(Code.FAILED_PRECONDITION, message)}
    assert not Code.FAILED_PRECONDITION.retryable
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("waited_s", "code", "remedy"),
    [
        (0.0, Code.FAILED_PRECONDITION, "call with a later deadline, or cut the picture into parts"),
        # Others had the threads before: the next time it may be in time.
        (8.9, Code.DEADLINE_EXCEEDED, "call again with fewer images"),
        (9.9, Code.DEADLINE_EXCEEDED, "call again with fewer images"),
    ],
)
def test_an_image_that_would_miss_the_deadline_is_an_error_in_an_answer_that_is_in_time(
    waited_s: float, code: Code, remedy: str
) -> None:
    patience = waiting(s=10, waited_s=waited_s)
    limit = TimeLimit(patience, None)
    assert limit.give_up() is (waited_s > 9.5)
    assert (limit.status.code, limit.status.message.split(": ")[1]) == (code, remedy)
    if waited_s > 8:
        (error, _) = Analysis(EndlessEngine(), Limits(), recognition_s=60).analyze(SPEC, patience).results
        assert error.error.code == code
        assert time.monotonic() < patience.deadline + 30


def test_a_client_that_has_left_gets_no_answer() -> None:
    analysis = Analysis(EndlessEngine(), Limits(), recognition_s=None)
    asked = iter([False, False, True, True, True])
    with pytest.raises(GivenUpError):
        analysis.analyze(SPEC, Patience(lambda: next(asked)))
    with pytest.raises(GivenUpError):
        analysis.analyze(SPEC, Patience(lambda: True))


def test_short_calls_have_no_time_for_an_answer_before_their_deadline() -> None:
    assert not TimeLimit(waiting(s=3, waited_s=2.9), None).give_up()
