import pytest
from google.protobuf.descriptor import Descriptor

from vision_grpc.contract.rules import Range, collect_violations, validate
from vision_grpc.errors import InvalidRequestError, Violation
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    CreateIamTokenForServiceAccountRequest,
    CreateIamTokenRequest,
    Feature,
    FeatureTextDetectionConfig,
)
from vision_grpc_pb._pool import POOL


def _feature(languages: list[str], model: str = "") -> Feature:
    return Feature(
        type=Feature.TEXT_DETECTION,
        text_detection_config=FeatureTextDetectionConfig(language_codes=languages, model=model),
    )


def _request(specs: int = 1, features: int = 1, folder_id: str = "") -> BatchAnalyzeRequest:
    spec = AnalyzeSpec(content=b"x", features=[_feature(["ru"])] * features)
    return BatchAnalyzeRequest(analyze_specs=[spec] * specs, folder_id=folder_id)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("3", [3], [2, 4]),
        ("1-8", [1, 8], [0, 9]),
        ("<=50", [0, 50], [51]),
        ("<50", [0, 49], [50]),
        (">=2", [2, 99], [1]),
        (">2", [3, 99], [2]),
    ],
)
def test_every_form_of_the_grammar(text: str, inside: list[int], outside: list[int]) -> None:
    allowed = Range.parse(text)
    assert all(number in allowed for number in inside)
    assert not any(number in allowed for number in outside)


@pytest.mark.parametrize("text", ["", "1..8", "a", "<=x", "1-", "=3", "1-8-9"])
def test_an_unknown_form_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="known form"):
        Range.parse(text)


@pytest.mark.parametrize("count", [1, 8])
def test_what_the_contract_allows_passes(count: int) -> None:
    assert collect_violations(_request(specs=count, features=count, folder_id="f" * 50)) == []


@pytest.mark.parametrize(
    ("request_", "violation"),
    [
        (_request(specs=0), Violation("analyze_specs", "has 0 elements, must have 1 to 8")),
        (_request(specs=9), Violation("analyze_specs", "has 9 elements, must have 1 to 8")),
        (_request(features=9), Violation("analyze_specs[0].features", "has 9 elements, must have 1 to 8")),
        (_request(folder_id="f" * 51), Violation("folder_id", "is 51 characters long, must be at most 50")),
        (
            BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(features=[_feature(["ru"])])]),
            Violation("analyze_specs[0].source", "set exactly one of content or signature"),
        ),
        (
            BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=bytes(10_485_761), features=[_feature(["ru"])])]),
            Violation("analyze_specs[0].content", "is 10485761 bytes long, must be at most 10485760"),
        ),
    ],
)
def test_each_broken_constraint_is_named_by_its_path(request_: BatchAnalyzeRequest, violation: Violation) -> None:
    assert collect_violations(request_) == [violation]


def test_languages_are_counted_and_measured_one_by_one() -> None:
    path = "text_detection_config.language_codes"
    assert [v.path for v in collect_violations(_feature(["ru"] * 9))] == [path]
    assert [v.path for v in collect_violations(_feature(["ru", "rusk", "языки"]))] == [f"{path}[1]", f"{path}[2]"]
    assert collect_violations(_feature(["рус"])) == []  # Three characters, six bytes.


def test_empty_content_counts_as_set() -> None:
    request = BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=b"", features=[_feature(["*"])])])
    assert collect_violations(request) == []


def test_validate_raises_with_all_violations() -> None:
    with pytest.raises(InvalidRequestError, match=r"analyze_specs: .*; folder_id: ") as caught:
        validate(_request(specs=9, folder_id="f" * 51))
    assert [violation.path for violation in caught.value.violations] == ["analyze_specs", "folder_id"]


def test_required_and_exactly_one_bind_other_services_too() -> None:
    assert collect_violations(CreateIamTokenForServiceAccountRequest())[0].path == "service_account_id"
    assert collect_violations(CreateIamTokenRequest())[0].path == "identity"
    assert collect_violations(CreateIamTokenRequest(jwt="x")) == []


def test_every_option_of_the_contract_is_understood() -> None:
    for name in (
        "yandex.cloud.ai.vision.v1.BatchAnalyzeRequest",
        "yandex.cloud.ai.vision.v1.BatchAnalyzeResponse",
        "yandex.cloud.iam.v1.CreateIamTokenRequest",
        "yandex.cloud.iam.v1.RevokeIamTokenRequest",
        "yandex.cloud.endpoint.ListApiEndpointsRequest",
    ):
        _compile_all(POOL.FindMessageTypeByName(name))


def _compile_all(descriptor: Descriptor) -> None:
    from vision_grpc.contract.rules import _rules_of

    _rules_of(descriptor)
    for field in descriptor.fields:
        if field.message_type is not None:
            _compile_all(field.message_type)


def test_of_a_list_that_is_too_long_no_more_is_looked_at_than_it_may_have() -> None:
    request = BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec()] * 100_000)
    violations = collect_violations(request)
    assert violations[0] == ("analyze_specs", "has 100000 elements, must have 1 to 8")
    assert {path.partition(".")[0] for path, _ in violations[1:]} == {f"analyze_specs[{index}]" for index in range(8)}


def test_of_language_codes_that_are_too_many_no_more_are_looked_at() -> None:
    config = FeatureTextDetectionConfig(language_codes=["long"] * 100_000)
    paths = [path for path, _ in collect_violations(config)]
    assert paths == ["language_codes", *(f"language_codes[{index}]" for index in range(8))]
