"""What the gateway asks of ocr/v1, and what it makes of the outcomes: no call is made."""

from collections.abc import Sequence

import pytest

from vision_grpc.errors import Code, RequestTooLargeError, ServiceError
from vision_grpc.gateway.plan import Outcome, Plan, failure_of, is_of_the_caller
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    Feature,
    FeatureClassificationConfig,
    FeatureTextDetectionConfig,
    Page,
    RetryInfo,
    TextAnnotation,
)

JPEG = b"\xff\xd8\xff"
PDF = b"%PDF-1.7 ..."
TEXT = TextAnnotation(pages=[Page(width=7)])


def text_of(*languages: str, model: str = "") -> Feature:
    config = FeatureTextDetectionConfig(language_codes=languages or ["*"], model=model)
    return Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)


def spec(*features: Feature, content: bytes = JPEG, mime_type: str = "") -> AnalyzeSpec:
    return AnalyzeSpec(content=content, features=features or [text_of()], mime_type=mime_type)


def plan(*specs: AnalyzeSpec) -> Plan:
    return Plan(BatchAnalyzeRequest(analyze_specs=specs))


def failed(code: Code, message: str = "no", retry_after_s: float | None = None) -> ServiceError:
    return ServiceError(code, message, retry_after_s=retry_after_s)


def test_each_file_is_asked_with_the_languages_and_the_model_of_its_feature() -> None:
    wishes = plan(spec(text_of("ru", "en", model="line")), spec()).wishes
    assert [(wish.content, wish.languages, wish.model) for wish in wishes] == [
        (JPEG, ("ru", "en"), "line"),
        (JPEG, ("*",), ""),
    ]


def test_what_is_asked_twice_of_a_file_is_asked_once_and_answered_twice() -> None:
    asked = plan(spec(text_of("ru"), text_of("en"), text_of("ru")))
    assert len(asked.wishes) == 2
    other = TextAnnotation(pages=[Page(width=8)])
    [result] = asked.response([TEXT, other]).results
    assert [each.text_detection for each in result.results] == [TEXT, other, TEXT]


@pytest.mark.parametrize(
    ("feature", "told"),
    [
        (
            Feature(type=Feature.CLASSIFICATION, classification_config=FeatureClassificationConfig(model="quality")),
            "CLASSIFICATION",
        ),
        (Feature(type=Feature.FACE_DETECTION), "FACE_DETECTION"),
        (Feature(type=Feature.IMAGE_COPY_SEARCH), "IMAGE_COPY_SEARCH"),
        (Feature(), "TYPE_UNSPECIFIED"),
        (Feature(type=17), "17"),  # type: ignore[arg-type]
        (Feature(type=Feature.TEXT_DETECTION), "text_detection_config"),
        (text_of(model="table"), "unknown model 'table': use page, line"),
        (text_of(model="handwritten"), "unknown model 'handwritten'"),
    ],
)
def test_what_ocr_v1_cannot_do_is_an_error_of_its_feature_alone(feature: Feature, told: str) -> None:
    asked = plan(spec(feature, text_of()))
    assert len(asked.wishes) == 1
    [result] = asked.response([TEXT]).results
    assert not result.HasField("error")
    refused, read = result.results
    assert refused.error.code == Code.INVALID_ARGUMENT
    assert told in refused.error.message
    assert read.text_detection == TEXT


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        (AnalyzeSpec(signature="abc", features=[text_of()]), "signatures"),
        (spec(content=b"GIF89a"), "GIF"),
        (spec(content=b""), "empty"),
        (spec(content=JPEG + bytes(1024 * 1024)), "1,048,576"),
        (spec(content=PDF), "a PDF"),
        (spec(content=PDF, mime_type="image/jpeg"), "PDF"),
        (spec(mime_type="image/gif"), "image/gif"),
        (spec(mime_type="application/pdf"), "JPEG"),
    ],
)
def test_a_file_that_the_contract_does_not_allow_is_an_error_and_is_not_sent(refused: AnalyzeSpec, told: str) -> None:
    asked = plan(refused, spec())
    assert len(asked.wishes) == 1
    first, second = asked.response([TEXT]).results
    assert first.error.code == Code.INVALID_ARGUMENT
    assert told in first.error.message
    assert not first.results
    assert second.results[0].text_detection == TEXT


@pytest.mark.parametrize("mime_type", ["image/jpeg", "IMAGE/JPG; q=1", "*/*", "application/octet-stream"])
def test_media_types_that_fit_are_as_good_as_none(mime_type: str) -> None:
    assert len(plan(spec(mime_type=mime_type)).wishes) == 1


def test_a_pdf_is_sent_if_the_request_calls_it_one() -> None:
    assert len(plan(spec(content=PDF, mime_type="application/pdf")).wishes) == 1


@pytest.mark.parametrize("code", [Code.RESOURCE_EXHAUSTED, Code.INTERNAL, Code.UNAVAILABLE, Code.FAILED_PRECONDITION])
def test_an_image_that_fails_keeps_its_error_and_the_others_their_text(code: Code) -> None:
    outcomes: list[Outcome] = [TEXT, failed(code, retry_after_s=2.5)]
    first, second = plan(spec(), spec()).response(outcomes).results
    assert first.results[0].text_detection == TEXT
    assert second.results[0].error.code == code
    waits = [each for each in second.results[0].error.details if each.Is(RetryInfo.DESCRIPTOR)]
    assert RetryInfo.FromString(waits[0].value).retry_delay.nanos == 5e8


def test_a_file_that_is_refused_for_all_that_is_asked_has_an_error_itself() -> None:
    outcomes: list[Outcome] = [failed(Code.INVALID_ARGUMENT, "damaged")] * 2
    [result] = plan(spec(text_of("ru"), text_of("en"))).response(outcomes).results
    assert (result.error.message, len(result.results)) == ("damaged", 0)


def test_a_file_that_is_refused_for_one_language_is_read_in_the_other() -> None:
    [result] = plan(spec(text_of("ru"), text_of("en"))).response([failed(Code.INVALID_ARGUMENT), TEXT]).results
    assert [each.HasField("error") for each in result.results] == [True, False]


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([Code.UNAVAILABLE], Code.UNAVAILABLE),
        ([Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE], Code.RESOURCE_EXHAUSTED),
        ([Code.UNAVAILABLE, Code.PERMISSION_DENIED, Code.UNAUTHENTICATED], Code.UNAUTHENTICATED),
        ([Code.DEADLINE_EXCEEDED] * 8, Code.DEADLINE_EXCEEDED),
        ([Code.UNAVAILABLE, Code.INVALID_ARGUMENT], None),
        ([Code.INVALID_ARGUMENT], None),
        ([Code.INTERNAL], None),
        ([], None),
    ],
)
def test_a_call_fails_where_nothing_was_read_and_no_file_is_to_blame(
    codes: Sequence[Code], expected: Code | None
) -> None:
    failure = failure_of([failed(code) for code in codes])
    assert (None if failure is None else failure.code) == expected


def test_a_call_with_one_text_does_not_fail() -> None:
    assert failure_of([failed(Code.UNAUTHENTICATED), TEXT]) is None


def test_files_that_are_too_large_for_the_backend_are_to_blame_themselves() -> None:
    assert failure_of([RequestTooLargeError(Code.RESOURCE_EXHAUSTED, "too large")]) is None


def test_only_who_asks_spoils_the_other_wishes() -> None:
    assert is_of_the_caller(failed(Code.UNAUTHENTICATED))
    assert is_of_the_caller(failed(Code.PERMISSION_DENIED))
    assert not is_of_the_caller(failed(Code.UNAVAILABLE))
    assert not is_of_the_caller(TEXT)
