import json
import pickle
from pathlib import Path

import pytest
from journaled import SETTINGS, failed, read, sent

from vision_grpc.bulk.journal import Answers, Journal, JournalError, LineWriter, read_header, read_journal
from vision_grpc.errors import Code, PathError, ProtocolError
from vision_grpc.messages import AnalyzeResult, Status
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.results.outcomes import WireOutcome


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


@pytest.mark.parametrize("answers", ["wire", "json", "none"])
def test_results_come_back(path: Path, answers: Answers) -> None:
    results = [read("a.png", "Привет", "мир"), failed("caf\udce9.png", Code.NOT_FOUND), read(r"caf\xe9.png")]
    with Journal.open(path, SETTINGS, answers=answers) as journal:
        for result in results:
            journal.write(result, sent(result.key, started_at=1_700_000_000.25, languages=["ru"]))
        journal.finish({"ok": 2})
    lines = list(read_journal(path))
    assert [line.key for line in lines] == ["a.png", "caf\udce9.png", r"caf\xe9.png"]
    assert [line.text for line in lines] == ["Привет мир", "", ""]
    assert [(line.ok, line.retryable) for line in lines] == [(True, False), (False, False), (True, False)]
    assert lines[0].started_at is not None
    assert lines[0].started_at.timestamp() == 1_700_000_000.25
    assert lines[0].languages == ["ru"]
    for line, result in zip(lines, results, strict=True):
        again = line.image_result()
        assert (again.key, again.error, again.attempts) == (result.key, result.error, result.attempts)
        assert (again.transport, again.request_id) == (result.transport, result.request_id)
        assert again.text == line.text
        if answers == "none":
            assert again.outcome is None
        else:
            assert again.result == result.result


def test_an_error_that_comes_back_is_as_retryable_as_it_was(path: Path) -> None:
    lasting = PathError("no certificate is trusted", lasting=True)
    errors = [
        ImageError(Code.UNAVAILABLE, "m"),
        ImageError(lasting.code, "m", cause=lasting),
        ImageError(Code.NOT_FOUND, "m"),
    ]
    with Journal.open(path, SETTINGS) as journal:
        for number, error in enumerate(errors):
            journal.write(ImageResult(f"{number}.png", error=error))
    again = [line.image_result().error for line in read_journal(path)]
    assert [error is not None and error.retryable for error in again] == [True, False, False]
    assert lasting.code.retryable


def test_a_failed_line_without_a_reason_is_a_failure(path: Path) -> None:
    path.write_text('{"key":"a.png","ok":false,"text":""}\n')
    (result,) = (line.image_result() for line in read_journal(path))
    assert str(result.error) == "UNKNOWN: its line in the journal does not say why it failed"


def test_the_last_line_of_a_key_counts_where_that_is_asked(path: Path) -> None:
    with Journal.open(path, SETTINGS) as journal:
        for result in (failed("a.png"), read("b.png", "one"), read("a.png", "two")):
            journal.write(result)
    assert [(line.key, line.ok) for line in read_journal(path)] == [("a.png", False), ("b.png", True), ("a.png", True)]
    assert [(line.key, line.ok) for line in read_journal(path, last_only=True)] == [("b.png", True), ("a.png", True)]


def test_a_torn_last_line_is_passed_over_and_said(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Journal.open(path, SETTINGS) as journal:
        journal.write(read("a.png", "one"))
        journal.write(read("b.png", "two"))
    path.write_bytes(path.read_bytes()[:-30])
    assert [line.key for line in read_journal(path)] == ["a.png"]
    assert "lines that are not whole, as after a crash, were passed over (1)" in caplog.text
    assert [line.key for line in read_journal(path, last_only=True)] == ["a.png"]


def test_a_journal_is_read_while_it_is_written(path: Path) -> None:
    with Journal.open(path, SETTINGS) as journal:
        journal.write(read("a.png", "one"))
        lines = read_journal(path)
        assert next(lines).key == "a.png"
        journal.write(read("b.png", "two"))
    assert [line.key for line in read_journal(path)] == ["a.png", "b.png"]


def test_lines_without_a_first_line_are_read(path: Path) -> None:
    path.write_bytes(LineWriter("json").render(read("a.png", "one")) + LineWriter("none").render(read("b.png", "two")))
    assert [line.text for line in read_journal(path)] == ["one", "two"]
    with pytest.raises(JournalError, match="is not a journal"):
        read_header(path)


def test_lines_in_another_spelling_are_read(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Journal.open(path, SETTINGS) as journal:
        journal.write(read("a.png", "one"))
        journal.finish({})
    path.write_text("".join(f"{json.dumps(json.loads(line))}\n\n" for line in path.read_text().splitlines()))
    assert [line.text for line in read_journal(path)] == ["one"]
    assert read_header(path).settings == SETTINGS
    assert caplog.text == ""
    with Journal.open(path, SETTINGS) as resumed:
        assert "a.png" in resumed.done


def test_lines_of_versions_to_come_are_read(path: Path) -> None:
    with Journal.open(path, SETTINGS):
        pass
    with path.open("ab") as file:
        file.write(
            b'{"key":"a","ok":false,"error":{"code":"NEW","message":"m","more":1},"new":[1],"transport":"quic"}\n'
        )
        file.write(b'{"key":"b","ok":true,"retryable":false,"error":null}\n')
    first, second = read_journal(path)
    assert first.image_result().error is not None
    assert first.image_result().error.code is Code.UNKNOWN  # type: ignore[union-attr]
    assert second.image_result().ok


@pytest.mark.parametrize("answers", ["wire", "json"])
def test_a_text_is_there_without_its_answer(path: Path, answers: Answers) -> None:
    """So that texts alone cost next to nothing, and survive a damaged answer."""
    line = json.loads(LineWriter(answers).render(read("a.png", "Привет", "мир")))
    damaged = {"wire": "////"} if answers == "wire" else {"result": {"results": 1}}
    path.write_text(json.dumps(line | damaged))
    (again,) = (each.image_result() for each in read_journal(path))
    assert again.text == "Привет мир"
    with pytest.raises(ProtocolError):
        _ = again.pages
    assert not again.check().ok
    assert again.text == "Привет мир"


@pytest.mark.parametrize("answers", ["wire", "json"])
def test_an_empty_text_is_that_of_the_answer(path: Path, answers: Answers) -> None:
    """Lines of other programs may lack it, and a damaged answer is not an empty page."""
    line = json.loads(LineWriter(answers).render(read("a.png", "Привет")))
    line.pop("text")
    empty = json.loads(LineWriter(answers).render(read("b.png")))
    damaged = {"wire": "////"} if answers == "wire" else {"result": {"results": 1}}
    path.write_text("".join(f"{json.dumps(each)}\n" for each in (line, empty, empty | damaged)))
    first, second, third = (each.image_result() for each in read_journal(path))
    assert (first.text, second.text) == ("Привет", "")
    with pytest.raises(ProtocolError):
        _ = third.text


def test_a_result_of_a_line_is_pickled_as_bytes(path: Path) -> None:
    words = [f"word{number}" for number in range(300)]
    path.write_bytes(LineWriter().render(read("a.png", *words)))
    (line,) = read_journal(path)
    result = line.image_result()
    copy = pickle.loads(pickle.dumps(result))  # noqa: S301 - our own bytes
    assert copy == result
    assert (copy.text, copy.result) == (result.text, result.result)
    assert len(pickle.dumps(result)) < len(result.outcome.wire()) + len(result.text) + 1000  # type: ignore[union-attr]


def test_an_error_in_an_answer_comes_back(path: Path) -> None:
    answer = AnalyzeResult(error=Status(code=3, message="no image"))
    outcome = WireOutcome(answer.SerializeToString(), has_error=True)
    path.write_bytes(LineWriter().render(ImageResult("a.png", outcome, outcome.error())))
    (line,) = read_journal(path)
    found = line.outcome()
    assert found is not None
    assert found.error() == outcome.error()
    assert found.wire() == outcome.wire()


def test_a_damaged_answer_is_an_error_when_it_is_read(path: Path) -> None:
    path.write_bytes(b'{"key":"a","ok":true,"wire":"////"}\n{"key":"b","ok":true,"wire":"%"}\n')
    for line in read_journal(path):
        result = line.image_result().check()
        assert result.error is not None
        assert result.error.code is Code.DATA_LOSS


@pytest.mark.parametrize("content", [b"text\n", b'{"a":1}\n', b"\x89PNG", b"[]"])
def test_what_is_not_a_journal_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(JournalError, match="is not a journal"):
        list(read_journal(path))


def test_a_file_that_cannot_be_read_is_refused(path: Path) -> None:
    with pytest.raises(JournalError, match=r"results\.jsonl: cannot be read \(No such file"):
        read_journal(path)


def test_an_empty_file_has_no_lines(path: Path) -> None:
    path.touch()
    assert list(read_journal(path)) == []
