import copy
import pickle
from collections.abc import Callable

import pytest
from google.protobuf.message import DecodeError

from vision_grpc.codec.batch_wire import has_error
from vision_grpc.codec.json import to_json
from vision_grpc.errors import Code, ImageFailedError, ProtocolError, TransportError
from vision_grpc.messages import (
    AnalyzeResult,
    Block,
    Entity,
    FeatureResult,
    Line,
    Page,
    Polygon,
    Status,
    TextAnnotation,
    Vertex,
    Word,
)
from vision_grpc.results import ImageError, ImageResult, Outcome
from vision_grpc.results.outcomes import JsonOutcome, MessageOutcome, WireOutcome, text_of
from vision_grpc.results.pixels import MappedOutcome, PixelMap

_GARBAGE = b"\x12\x05cut"


def _by_wire(message: AnalyzeResult) -> Outcome:
    wire = message.SerializeToString()
    return WireOutcome(wire, has_error=has_error(wire))


@pytest.fixture(params=[_by_wire, MessageOutcome])
def result_of(request: pytest.FixtureRequest) -> Callable[[AnalyzeResult], ImageResult]:
    """Makes the result of an image of an answer, as each transport does."""

    def make(message: AnalyzeResult) -> ImageResult:
        outcome: Outcome = request.param(message)
        return ImageResult("key", outcome, outcome.error(), attempts=1, transport="grpc", request_id="r")

    return make


def _line(*words: str) -> Line:
    return Line(words=[Word(text=word) for word in words])


def _page(*blocks: list[Line]) -> FeatureResult:
    page = Page(blocks=[Block(lines=lines) for lines in blocks])
    return FeatureResult(text_detection=TextAnnotation(pages=[page]))


def test_text_keeps_lines_and_sets_blocks_apart(result_of: Callable[[AnalyzeResult], ImageResult]) -> None:
    answer = AnalyzeResult(results=[_page([_line("a", "b"), _line("c")], [_line("d")])])
    result = result_of(answer)
    assert result.ok
    assert result.text == "a b\nc\n\nd"
    assert [word.text for word in result.words()] == ["a", "b", "c", "d"]
    assert result.result == answer


def test_an_empty_page_is_no_failure(result_of: Callable[[AnalyzeResult], ImageResult]) -> None:
    result = result_of(AnalyzeResult(results=[_page()]))
    assert result.ok
    assert result.annotation is not None
    assert not result.text


def test_the_files_error_goes_first(result_of: Callable[[AnalyzeResult], ImageResult]) -> None:
    result = result_of(AnalyzeResult(error=Status(code=3, message="no image")))
    assert not result.ok
    assert result.error is not None
    assert str(result.error) == "INVALID_ARGUMENT: no image"
    assert not result.error.retryable
    assert (result.annotation, result.text, list(result.words())) == (None, "", [])


def test_a_failed_feature_leaves_the_text_of_another(result_of: Callable[[AnalyzeResult], ImageResult]) -> None:
    failed = FeatureResult(error=Status(code=8, message="quota"))
    result = result_of(AnalyzeResult(results=[failed, _page([_line("read")])]))
    assert result.error is not None
    assert result.error.code is Code.RESOURCE_EXHAUSTED
    assert result.error.retryable
    assert result.text == "read"


def test_an_unknown_code_is_unknown(result_of: Callable[[AnalyzeResult], ImageResult]) -> None:
    for status in (Status(code=99), Status()):
        result = result_of(AnalyzeResult(error=status))
        assert result.error is not None
        assert result.error.code is Code.UNKNOWN


def test_an_image_that_got_no_answer_has_no_text() -> None:
    result = ImageResult("key")
    assert (result.result, result.annotation, result.text, list(result.words())) == (None, None, "", [])


def test_a_result_on_the_wire_is_parsed_once() -> None:
    outcome = _by_wire(AnalyzeResult(results=[_page([_line("a")])]))
    assert outcome.message() is outcome.message()


def test_broken_bytes_are_told_when_they_are_read() -> None:
    result = ImageResult("key", WireOutcome(_GARBAGE, has_error=False))
    assert result.ok
    with pytest.raises(ProtocolError, match="not a valid AnalyzeResult"):
        _ = result.text


@pytest.mark.parametrize(
    "outcome", [WireOutcome(_GARBAGE, has_error=False), JsonOutcome(b'{"results": [{"textDetection": 1}]}')]
)
def test_a_checked_result_is_ok_or_has_an_error(outcome: Outcome) -> None:
    result = ImageResult("key", outcome)
    assert result.check() is result
    assert not result.ok
    assert result.error is not None
    assert (result.error.code, result.error.retryable) == (Code.DATA_LOSS, False)
    assert isinstance(result.error.cause, ProtocolError)
    assert (result.text, result.result) == ("", None)
    with pytest.raises(ImageFailedError, match="DATA_LOSS"):
        result.raise_for_error()


def test_broken_bytes_are_no_empty_page() -> None:
    outcome = WireOutcome(b"\x12\x06\x1a\x04\x0a\x02\xff\xff", has_error=False)
    with pytest.raises(ProtocolError, match="not a valid AnalyzeResult"):
        outcome.text()


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("place", [b"word", b"code", b"name", b"text"])
def test_a_text_that_is_no_utf_8_is_told_wherever_it_is(place: bytes, *, is_first: bool) -> None:
    line = Line(words=[Word(text="word", languages=[Word.DetectedLanguage(language_code="code")]), Word(text="more")])
    page = Page(blocks=[Block(lines=[line])], entities=[Entity(name="name", text="text")])
    text = FeatureResult(text_detection=TextAnnotation(pages=[page]))
    answer = AnalyzeResult(results=[text] if is_first else [_page([_line("first")]), text])
    wire = answer.SerializeToString().replace(place, b"\xff\xff\xff\xff")
    with pytest.raises(ProtocolError, match="not a valid AnalyzeResult"):
        _ = ImageResult("key", WireOutcome(wire, has_error=False)).text


def test_a_damaged_result_has_no_text_either() -> None:
    """Whatever is damaged in it: geometry, confidences, lengths."""
    box = Polygon(vertices=[Vertex(x=x, y=y) for x, y in ((1, 2), (300, 2), (300, 40), (1, 40))])
    words = [Word(text=text, bounding_box=box, confidence=0.9) for text in ("a", "слово", "b")]
    page = _page([Line(words=words, bounding_box=box)], [Line(words=words[:1])])
    wire = AnalyzeResult(results=[page]).SerializeToString()
    damaged = 0
    for position in range(len(wire)):
        for byte in (0, 0x07, 0x7F, 0xFF):
            cut = wire[:position] + bytes([byte]) + wire[position + 1 :]
            result = ImageResult("key", WireOutcome(cut, has_error=False))
            try:
                text = text_of(AnalyzeResult.FromString(cut))
            except DecodeError:
                damaged += 1
                with pytest.raises(ProtocolError, match="not a valid AnalyzeResult"):
                    _ = result.text
            else:
                assert result.text == text
    assert damaged > len(wire)


def test_text_is_the_same_whether_the_rest_was_parsed_or_not() -> None:
    answer = AnalyzeResult(
        results=[FeatureResult(), _page([_line("a", "", "é"), _line()], [], [_line("b")]), _page([_line("c")])]
    )
    wire = answer.SerializeToString()
    unread, read = (ImageResult("key", WireOutcome(wire, has_error=False)) for _ in range(2))
    assert read.result == answer
    assert unread.text == read.text == "a é\n\n\n\n\nb"


def test_results_go_through_pickle(result_of: Callable[[AnalyzeResult], ImageResult]) -> None:
    result = result_of(AnalyzeResult(error=Status(code=8, message="quota"), results=[_page([_line("a")])]))
    twin = pickle.loads(pickle.dumps(result))  # noqa: S301 - our own bytes
    assert twin == result
    assert twin.text == "a"
    assert twin.result == result.result


def test_a_result_without_an_error_is_returned_as_it_is(result_of: Callable[[AnalyzeResult], ImageResult]) -> None:
    result = result_of(AnalyzeResult(results=[_page([_line("a")])]))
    assert result.raise_for_error() is result


def test_an_error_of_an_image_is_raised_with_all_that_it_says(
    result_of: Callable[[AnalyzeResult], ImageResult],
) -> None:
    failed = result_of(AnalyzeResult(error=Status(code=Code.INTERNAL, message="bug")))
    with pytest.raises(ImageFailedError, match=r"^key: INTERNAL: bug$") as caught:
        failed.raise_for_error()
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):  # noqa: S301 - its own
        assert (error.key, error.code, error.message, error.retryable) == ("key", Code.INTERNAL, "bug", True)
        assert str(error) == str(caught.value)


def test_an_error_of_a_call_is_the_cause() -> None:
    cause = TransportError("broken")
    failed = ImageResult("key", error=ImageError(cause.code, str(cause), cause=cause), attempts=6)
    with pytest.raises(ImageFailedError) as caught:
        failed.raise_for_error()
    assert caught.value.__cause__ is cause


def test_a_key_is_not_said_twice() -> None:
    failed = ImageResult("no.png", error=ImageError(Code.NOT_FOUND, "no.png: no such file, check the path"))
    with pytest.raises(ImageFailedError, match=r"^NOT_FOUND: no\.png: no such file, check the path$"):
        failed.raise_for_error()


def test_truth_is_ok(result_of: Callable[[AnalyzeResult], ImageResult]) -> None:
    failed = FeatureResult(error=Status(code=8, message="quota"))
    read, empty, half = map(
        result_of,
        (
            AnalyzeResult(results=[_page([_line("a")])]),
            AnalyzeResult(results=[_page()]),
            AnalyzeResult(results=[failed, _page([_line("read")])]),
        ),
    )
    assert [bool(result) for result in (read, empty, half)] == [True, True, False]
    assert [*filter(None, [half, empty, read])] == [empty, read]


def test_a_failed_result_whose_answer_is_damaged_keeps_its_error() -> None:
    error = ImageError(Code.INTERNAL, "bug")
    result = ImageResult("key", WireOutcome(_GARBAGE, has_error=True), error).check()
    assert (result.error, result.text, result.outcome) == (error, "", None)


def test_a_repr_shows_the_key_the_error_and_the_beginning_of_the_text(
    result_of: Callable[[AnalyzeResult], ImageResult],
) -> None:
    failed = FeatureResult(error=Status(code=8, message="quota"))
    cases = {
        "ImageResult('key', text='')": AnalyzeResult(results=[_page()]),
        r"ImageResult('key', text='a שלום\n🙂')": AnalyzeResult(results=[_page([_line("a", "שלום"), _line("🙂")])]),
        "ImageResult('key', error='RESOURCE_EXHAUSTED: quota', text='read')": AnalyzeResult(
            results=[failed, _page([_line("read")])]
        ),
        "ImageResult('key', error='INVALID_ARGUMENT: no image')": AnalyzeResult(
            error=Status(code=3, message="no image")
        ),
        f"ImageResult('key', text='{'x' * 80}'... (10,000 characters))": AnalyzeResult(
            results=[_page([_line("x" * 10_000)])]
        ),
    }
    assert [repr(result_of(answer)) for answer in cases.values()] == list(cases)


def test_a_repr_never_raises_and_is_never_long() -> None:
    nothing_read = ImageResult("a\tb.png", error=ImageError(Code.NOT_FOUND, "gone"))
    assert repr(nothing_read) == r"ImageResult('a\tb.png', error='NOT_FOUND: gone')"
    assert repr(ImageResult("key")) == "ImageResult('key', text='')"
    assert repr(ImageResult("key", WireOutcome(_GARBAGE, has_error=False))) == "ImageResult('key', answer=damaged)"
    assert repr(ImageResult("key", JsonOutcome(b"{"))) == "ImageResult('key', answer=damaged)"
    odd = "\udce9\x1b\0\u202e" * 100_000
    long = ImageResult(odd, error=ImageError(Code.INTERNAL, odd), known_text=odd)
    assert len(repr(long)) < 6_000
    assert repr(long).isprintable()
    assert len(repr(ImageResult("/9j/" + "A" * 100_000))) < 100


def test_a_repr_parses_nothing_but_the_text() -> None:
    outcome = _by_wire(AnalyzeResult(results=[_page([_line("a")])]))
    assert repr(ImageResult("key", outcome)) == "ImageResult('key', text='a')"
    assert outcome._message is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["text", "result", "pages", "to_dict"])
@pytest.mark.parametrize("pixel_map", [None, PixelMap((10, 10), (20, 20))])
def test_a_pickle_is_as_large_as_the_answer_whatever_was_read(name: str, pixel_map: PixelMap | None) -> None:
    wire = AnalyzeResult(results=[_page([_line(*map(str, range(1000)))])]).SerializeToString()
    outcome: Outcome = WireOutcome(wire, has_error=False)
    if pixel_map is not None:
        outcome = MappedOutcome(outcome, pixel_map)
    result = ImageResult("key", outcome)
    fresh = pickle.dumps(result)
    read = getattr(result, name)
    if callable(read):
        read()
    assert len(pickle.dumps(result)) == len(fresh) < len(wire) + 600
    for twin in (pickle.loads(fresh), copy.copy(result), copy.deepcopy(result)):  # noqa: S301 - our own bytes
        assert twin == result
        assert (twin.text, twin.result) == (result.text, result.result)


def test_a_json_answer_that_was_parsed_is_pickled_as_wire_bytes() -> None:
    failed = FeatureResult(error=Status(code=8, message="quota"))
    answer = AnalyzeResult(results=[failed, _page([_line(*map(str, range(1000)))])])
    outcome = JsonOutcome(to_json(answer))
    unread = pickle.dumps(outcome)
    assert outcome.message() == answer
    assert len(pickle.dumps(outcome)) < len(unread) / 2
    for twin in map(pickle.loads, (unread, pickle.dumps(outcome))):
        assert (twin.message(), twin.text(), twin.error()) == (answer, outcome.text(), outcome.error())
