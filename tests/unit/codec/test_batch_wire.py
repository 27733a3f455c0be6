from contextlib import suppress

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from vision_grpc.api.vision_v1 import VISION_V1, BatchTemplate
from vision_grpc.codec.batch_wire import has_error, join_request, split_request, split_response
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import (
    AnalyzeResult,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    ClassAnnotation,
    Feature,
    FeatureResult,
    FeatureTextDetectionConfig,
    Page,
    Property,
    Status,
    TextAnnotation,
)
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.results.outcomes import WireOutcome
from vision_grpc.transport.grpc.exchange import read_answer

_ATTEMPT = Attempt(Endpoint("vision.example", 443, plaintext=False), Deadline.after(1.0))
# Fields that the contract does not have: a varint, eight bytes, four bytes, and a string, of numbers it leaves free.
_UNKNOWN = [b"\xa8\x06\x96\x01", b"\xb1\x06" + b"\x01" * 8, b"\xbd\x06" + b"\x01" * 4, b"\xc2\x06\x03abc", b""]
_statuses = st.builds(Status, code=st.integers(0, 16), message=st.text(max_size=9))
_feature_results = st.builds(
    FeatureResult,
    error=st.none() | _statuses,
    text_detection=st.none() | st.just(TextAnnotation(pages=[Page(width=300)])),
) | st.builds(
    FeatureResult,
    classification=st.just(ClassAnnotation(properties=[Property(name="p", probability=0.5)])),
    error=st.none() | _statuses,
)
_results = st.builds(AnalyzeResult, error=st.none() | _statuses, results=st.lists(_feature_results, max_size=3))
_responses = st.builds(BatchAnalyzeResponse, results=st.lists(_results, max_size=9))
_features = st.lists(
    st.builds(
        Feature,
        type=st.sampled_from(Feature.Type.values()),
        text_detection_config=st.none()
        | st.builds(
            FeatureTextDetectionConfig, language_codes=st.lists(st.text(max_size=3)), model=st.text(max_size=60)
        ),
    ),
    max_size=3,
)


@given(
    # Lengths about which the length of a length changes.
    contents=st.lists(st.binary(max_size=20) | st.integers(100, 140).map(bytes) | st.just(bytes(16_400)), max_size=9),
    features=_features,
    folder_id=st.text(max_size=50),
)
def test_a_joined_request_is_what_the_message_would_be(
    contents: list[bytes], features: list[Feature], folder_id: str
) -> None:
    template = BatchTemplate(features, folder_id)
    wire, message = template.join(contents), template.message(contents)
    assert wire == message.SerializeToString()
    assert BatchAnalyzeRequest.FromString(wire) == message
    assert split_request(wire) == contents


@pytest.mark.parametrize("size", [(1 << 21) - 20, 1 << 21, (1 << 21) + 20])
def test_images_of_megabytes_come_out_of_a_request_as_they_went_in(size: int) -> None:
    contents = [bytes(size), b"small", b"\xff" * size]
    assert split_request(join_request(contents, b"", b"")) == contents


@given(_responses, st.sampled_from(_UNKNOWN), st.sampled_from(_UNKNOWN))
def test_an_answer_is_cut_where_its_results_are(response: BatchAnalyzeResponse, before: bytes, after: bytes) -> None:
    pieces = split_response(before + response.SerializeToString() + after)
    assert [AnalyzeResult.FromString(piece) for piece in pieces] == list(response.results)
    assert [has_error(piece) for piece in pieces] == [_carries_error(result) for result in response.results]


@given(_results, st.sampled_from(_UNKNOWN), st.sampled_from(_UNKNOWN))
def test_errors_are_seen_beside_unknown_fields(result: AnalyzeResult, before: bytes, after: bytes) -> None:
    assert has_error(before + result.SerializeToString() + after) == _carries_error(result)


def _carries_error(result: AnalyzeResult) -> bool:
    return result.HasField("error") or any(feature.HasField("error") for feature in result.results)


_garbage = st.binary(max_size=60) | st.builds(
    # An answer that something happened to on its way.
    lambda wire, start, end, junk: wire[:start] + junk + wire[end:],
    _responses.map(BatchAnalyzeResponse.SerializeToString),
    st.integers(0, 40),
    st.integers(0, 40),
    st.binary(max_size=5),
)


@given(_garbage)
def test_garbage_is_an_error_or_as_good_as_an_answer(wire: bytes) -> None:
    """Where the parser finds results, the cutter finds the same or says that it cannot; it never ends otherwise."""
    with suppress(DecodeError):
        pieces = split_response(wire)
        flags = [has_error(piece) for piece in pieces]
        with suppress(DecodeError):
            parsed = BatchAnalyzeResponse.FromString(wire)
            assert [AnalyzeResult.FromString(piece) for piece in pieces] == list(parsed.results)
            assert flags == [_carries_error(result) for result in parsed.results]


@given(_garbage)
def test_garbage_reaches_the_reader_as_nothing_but_a_protocol_error(wire: bytes) -> None:
    with suppress(ProtocolError):
        for outcome in read_answer(wire, None, _ATTEMPT, VISION_V1).outcomes:
            outcome.error()
            outcome.message()


@pytest.mark.parametrize(
    "wire",
    [
        b"\x0a",  # No length.
        b"\x0a\x05abc",  # Longer than what is there.
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",  # A length without an end.
        b"\x80",  # A tag without an end.
        b"\x0b",  # A group, which proto3 does not have.
        b"\x0f",  # A wire type that there is not.
        b"\x09\x00",  # Eight bytes, of which there is one.
    ],
)
def test_broken_outer_fields_are_told(wire: bytes) -> None:
    with pytest.raises(DecodeError):
        split_response(wire)
    with pytest.raises(DecodeError):
        has_error(wire)


def test_a_field_may_not_reach_beyond_what_holds_it() -> None:
    feature_result = b"\x0a\x7f"
    result = b"\x12" + bytes([len(feature_result)]) + feature_result
    with pytest.raises(DecodeError):
        has_error(result + bytes(200))


def test_an_outcome_without_an_error_is_not_parsed_for_one() -> None:
    assert WireOutcome(b"\xff no message", has_error=False).error() is None
