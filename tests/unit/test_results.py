from vision_grpc.errors import Code
from vision_grpc.messages import AnalyzeResult, Block, FeatureResult, Line, Page, Status, TextAnnotation, Word
from vision_grpc.results import ImageResult


def _line(*words: str) -> Line:
    return Line(words=[Word(text=word) for word in words])


def _result(answer: AnalyzeResult) -> ImageResult:
    return ImageResult.from_answer("key", answer, attempts=1, transport="grpc", request_id="r")


def _page(*blocks: list[Line]) -> FeatureResult:
    page = Page(blocks=[Block(lines=lines) for lines in blocks])
    return FeatureResult(text_detection=TextAnnotation(pages=[page]))


def test_text_keeps_lines_and_sets_blocks_apart() -> None:
    result = _result(AnalyzeResult(results=[_page([_line("a", "b"), _line("c")], [_line("d")])]))
    assert result.ok
    assert result.text == "a b\nc\n\nd"
    assert [word.text for word in result.words()] == ["a", "b", "c", "d"]


def test_an_empty_page_is_no_failure() -> None:
    result = _result(AnalyzeResult(results=[_page()]))
    assert result.ok
    assert result.annotation is not None
    assert not result.text


def test_the_files_error_goes_first() -> None:
    answer = AnalyzeResult(error=Status(code=3, message="no image"))
    result = _result(answer)
    assert not result.ok
    assert result.error is not None
    assert str(result.error) == "INVALID_ARGUMENT: no image"
    assert not result.error.retryable
    assert (result.annotation, result.text, list(result.words())) == (None, "", [])


def test_a_failed_feature_leaves_the_text_of_another() -> None:
    failed = FeatureResult(error=Status(code=8, message="quota"))
    result = _result(AnalyzeResult(results=[failed, _page([_line("read")])]))
    assert result.error is not None
    assert result.error.code is Code.RESOURCE_EXHAUSTED
    assert result.error.retryable
    assert result.text == "read"
