"""Lists that are far too long are refused before they are parsed, and whatever else comes is left to the parser."""

import pytest
from google.protobuf.message import DecodeError

from vision_grpc.codec.wire_format import length_delimited, tag, varint
from vision_grpc.contract.element_counts import check_element_counts
from vision_grpc.errors import InvalidRequestError
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, Feature, FeatureTextDetectionConfig

MANY = 100_000
EMPTY_SPECS = b"\x0a\x00" * MANY
EMPTY_FEATURES = b"\x1a\x00" * MANY
EMPTY_CODES = b"\x0a\x00" * MANY
CONFIG = FeatureTextDetectionConfig(language_codes=["ru"] * 8, model="page")
FEATURE = Feature(type=Feature.TEXT_DETECTION, text_detection_config=CONFIG)


def in_config(codes: bytes) -> bytes:
    return length_delimited(1, length_delimited(3, length_delimited(3, codes)))


REFUSED = {
    "analyze_specs": EMPTY_SPECS,
    "analyze_specs[0].features": length_delimited(1, EMPTY_FEATURES),
    "analyze_specs[1].features": length_delimited(1, b"\x0a\x01x") + length_delimited(1, EMPTY_FEATURES),
    "analyze_specs[0].features[0].text_detection_config.language_codes": in_config(EMPTY_CODES),
    # A config that comes again and again is one.
    "analyze_specs[0].features[0].text_detection_config.language_codes ": length_delimited(
        1, length_delimited(3, length_delimited(3, b"\x0a\x00" * 900) * 200)
    ),
}


@pytest.mark.parametrize("path", REFUSED)
def test_a_list_that_is_far_too_long_is_refused_by_its_path(path: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        check_element_counts(REFUSED[path], BatchAnalyzeRequest)
    [violation] = caught.value.violations
    assert violation == (path.strip(), "has more than 1,000 elements, must have 1 to 8")


@pytest.mark.parametrize("wire", [b"\x78\x01" * MANY, length_delimited(1, b"\x78\x01" * MANY), b"\x7b" * MANY])
def test_fields_without_number_are_refused(wire: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="has more than 20,000 fields"):
        check_element_counts(wire, BatchAnalyzeRequest)


@pytest.mark.parametrize("convert", [bytes, bytearray, memoryview])
def test_valid_requests_pass_whatever_holds_their_bytes(convert: type) -> None:
    spec = AnalyzeSpec(content=bytes(200_000), features=[FEATURE] * 8, mime_type="image/png")
    request = BatchAnalyzeRequest(analyze_specs=[spec] * 8, folder_id="f" * 50)
    check_element_counts(convert(request.SerializeToString()), BatchAnalyzeRequest)


def test_lists_that_are_a_little_too_long_are_left_to_the_rules() -> None:
    check_element_counts(
        BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec()] * 1000).SerializeToString(), BatchAnalyzeRequest
    )


def test_elements_of_unknown_groups_are_not_counted() -> None:
    wire = tag(104, 3) + EMPTY_SPECS[:4000] + tag(105, 3) + EMPTY_SPECS[:4000] + tag(105, 4) + tag(104, 4)
    check_element_counts(wire + b"\x0a\x00", BatchAnalyzeRequest)
    assert len(BatchAnalyzeRequest.FromString(wire + b"\x0a\x00").analyze_specs) == 1
    with pytest.raises(InvalidRequestError, match="analyze_specs: has more than 1,000"):
        check_element_counts(wire + EMPTY_SPECS, BatchAnalyzeRequest)


def test_unknown_fields_of_all_kinds_are_hopped_over() -> None:
    numbers = tag(100, 0) + varint(2**63) + tag(101, 1) + bytes(8) + tag(102, 5) + bytes(4)
    group = tag(104, 3) + tag(105, 0) + b"\x01" + tag(104, 4)
    wire = numbers + length_delimited(103, EMPTY_SPECS) + group + length_delimited(1, bytes(0))
    check_element_counts(wire, BatchAnalyzeRequest)
    assert len(BatchAnalyzeRequest.FromString(wire).analyze_specs) == 1


@pytest.mark.parametrize(
    "wire",
    [
        b"\x80" * MANY,
        b"\x0a",
        b"\x0a\xff\xff\xff\x7f",
        b"\x0a\x05\x1a\xff\xff\xff\x7f",
        b"\x0f" * MANY,
        b"\x0e",
        b"\x09\x01",
    ],
)
def test_malformed_bytes_are_left_to_the_parser(wire: bytes) -> None:
    check_element_counts(wire, BatchAnalyzeRequest)
    with pytest.raises(DecodeError):
        BatchAnalyzeRequest.FromString(wire)
