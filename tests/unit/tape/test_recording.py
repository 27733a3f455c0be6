from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocr_results import BOOK, NAMES, SPANS, result_of

from vision_grpc import ImageResult, to_json
from vision_grpc.messages import AnalyzeResult, Status
from vision_grpc.results.outcomes import JsonOutcome, MessageOutcome, WireOutcome
from vision_grpc.tape import Recording, Tape, digest
from vision_grpc.testing import text_annotation

DIGEST = "ab" + 62 * "0"


def answer(text: str = "Hello world") -> AnalyzeResult:
    result = AnalyzeResult()
    result.results.add(text_detection=text_annotation(text))
    return result


def wire_result(wire: bytes) -> ImageResult:
    outcome = WireOutcome(wire, has_error=False)
    return ImageResult("a.png", outcome, attempts=2, transport="grpc", request_id="r-1", fallback_reason="no HTTP/2")


RESULTS = {
    "vision/v1": lambda: wire_result(answer().SerializeToString()),
    "an empty page": lambda: wire_result(AnalyzeResult().SerializeToString()),
    "an answer in JSON": lambda: ImageResult("a.png", JsonOutcome(to_json(answer())), attempts=1, transport="rest"),
    "a message": lambda: ImageResult("a.png", MessageOutcome(answer()), attempts=1, transport="memory"),
    "a table of ocr/v1": lambda: result_of("a.png", NAMES),
    "spans of ocr/v1": lambda: result_of("a.png", SPANS),
    "pages of ocr/v1": lambda: result_of("a.png", *BOOK),
}


def recording_of(result: ImageResult) -> Recording:
    recording = Recording.of(result, api="ocr/v1", model="page", languages=["ru", "en"])
    assert recording is not None
    return recording


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_a_result_is_what_it_was_but_was_not_sent(make: Callable[[], ImageResult], tmp_path: Path) -> None:
    result = make()
    Tape(tmp_path / "tape").record(DIGEST, recording_of(result))
    [found] = Tape(tmp_path / "tape").find([DIGEST])
    assert found is not None
    again = found.result("a.png")
    as_if_sent = {"attempts": 0, "transport": "tape", "fallback_reason": None}
    assert again.to_dict() == result.to_dict() | as_if_sent
    assert to_json(found.result("b.png")) != to_json(again)
    assert again.raw == result.raw
    assert again.result == result.result
    assert [*map(repr, again.words())] == [*map(repr, result.words())]
    assert (again.markdown, again.full_text, again.rotation) == (result.markdown, result.full_text, result.rotation)
    assert [table.rows() for table in again.tables] == [table.rows() for table in result.tables]
    assert again.has_confidence == result.has_confidence


@pytest.mark.parametrize(
    "result",
    [
        ImageResult("a.png"),
        wire_result(b"\x12\x05cut"),
        result_of("a.png", BOOK[0], status=Status(code=13, message="the rest failed")),
    ],
    ids=["no answer", "a damaged answer", "some pages"],
)
def test_only_what_succeeded_is_recorded(result: ImageResult) -> None:
    assert Recording.of(result, api="ocr/v1", model="", languages=[]) is None


@given(
    one=st.tuples(st.binary(), st.text(), st.lists(st.text()), st.text()),
    other=st.tuples(st.binary(), st.text(), st.lists(st.text()), st.text()),
)
def test_a_digest_is_of_all_that_is_asked(
    one: tuple[bytes, str, Sequence[str], str], other: tuple[bytes, str, Sequence[str], str]
) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_digest_is_of_the_bytes_whatever_holds_them(kind: Callable[[bytes], bytes]) -> None:
    assert digest(kind(b"image"), "ocr/v1", ("ru",), "page") == digest(b"image", "ocr/v1", ["ru"], "page")


def test_a_digest_stays_the_same_in_all_versions() -> None:
    known = "1857ca03899b7a385e43b7edc5be1fc85624bb9d4920ae6bd7de82ce954a5b92"
    assert digest(b"image", "vision/v1", ["ru", "en"], "page") == known
    assert digest(b"image", "vision/v1", ["en", "ru"], "page") != known
