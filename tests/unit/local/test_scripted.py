import pytest

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.local.analysis import Analysis
from vision_grpc.local.ocr.engine import GivenUpError, RecognitionError, UnreadableImageError, UnsupportedTextError
from vision_grpc.local.ocr.scripted import Script, ScriptedEngine
from vision_grpc.local.patience import Patience
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    Feature,
    FeatureTextDetectionConfig,
    Page,
    TextAnnotation,
)

ANSWERS: dict[bytes, TextAnnotation | Exception] = {
    b"\xff\xd8text": TextAnnotation(pages=[Page(width=3, height=2)]),
    b"\xff\xd8torn": UnreadableImageError("torn"),
    b"\xff\xd8klingon": UnsupportedTextError("no Klingon"),
    b"\xff\xd8broken": RecognitionError("broken"),
}


def test_an_analysis_answers_what_the_script_says() -> None:
    first, *others = ask(ANSWERS.__getitem__, *ANSWERS)
    assert first.results[0].text_detection == ANSWERS[b"\xff\xd8text"]
    errors = [other.error if other.HasField("error") else other.results[0].error for other in others]
    assert [(error.code, error.message) for error in errors] == [
        (Code.INVALID_ARGUMENT, "torn"),
        (Code.INVALID_ARGUMENT, "no Klingon"),
        (Code.INTERNAL, "broken"),
    ]


def test_an_analysis_checks_headers_for_every_engine() -> None:
    (result,) = ask(ANSWERS.__getitem__, b"GIF89a")
    assert "a GIF" in result.error.message


def test_nothing_is_answered_when_nobody_waits() -> None:
    picture = ScriptedEngine(ANSWERS.__getitem__).open(b"\xff\xd8text")
    with pytest.raises(GivenUpError):
        picture.recognize(languages=[], model="", give_up=lambda: True)


def ask(script: Script, *contents: bytes) -> list[AnalyzeResult]:
    config = FeatureTextDetectionConfig(language_codes=["en"])
    feature = Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)
    specs = [AnalyzeSpec(content=content, features=[feature]) for content in contents]
    analysis = Analysis(ScriptedEngine(script), Limits(), recognition_s=None)
    return [analysis.analyze(spec, Patience()) for spec in specs]
