"""What a fake service reads, image by image."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from vision_grpc import Code, ImageError, ImageResult, ServiceError, VisionClient
from vision_grpc.api.ocr_v1 import OCR_V1
from vision_grpc.messages import AnalyzeResult, Status
from vision_grpc.testing import Answer, Answers, MemoryTransport, blank_image, text_annotation, without_backoff
from vision_grpc.testing.texts import text_result

INVOICE, LETTER, OTHER = blank_image("invoice"), blank_image("letter"), blank_image("other")


def read(answers: Answers, *images: bytes) -> list[ImageResult]:
    with without_backoff(), VisionClient(transport=MemoryTransport(answers)) as client:
        return list(client.analyze_many(images, ordered=True))


@pytest.fixture(params=["bytes", "bytearray", "path", "digest", "short digest", "capitals", "function"])
def invoice(request: pytest.FixtureRequest, tmp_path: Path) -> Any:  # noqa: ANN401 - all kinds
    path = tmp_path / "invoice.png"
    path.write_bytes(INVOICE)
    digest = sha256(INVOICE).hexdigest()
    return {
        "bytes": INVOICE,
        "bytearray": bytearray(INVOICE),
        "path": path,
        "digest": digest,
        "short digest": digest[:8],
        "capitals": digest.upper(),
        "function": lambda content: b"invoice" in content,
    }[request.param]


def test_an_image_shows_what_is_said_of_it(invoice: Any) -> None:  # noqa: ANN401
    answers = Answers("anything")
    answers.reads("Total: 42", of=invoice)
    assert [result.text for result in read(answers, LETTER, INVOICE, OTHER)] == ["anything", "Total: 42", "anything"]


@pytest.mark.parametrize(
    "answer",
    [
        "Hello world",
        text_annotation("Hello world"),
        text_result("Hello world"),
        lambda _: "Hello world",
        lambda _: text_annotation("Hello world"),
    ],
    ids=["text", "message", "result", "function", "function of a message"],
)
def test_a_text_may_come_in_any_form(answer: Answer | Callable[[bytes], Answer]) -> None:
    [result] = read(Answers(answer), INVOICE)
    assert result.raise_for_error().text == "Hello world"


@pytest.mark.parametrize(
    "answer",
    [
        ServiceError(Code.NOT_FOUND, "no text"),
        ImageError(Code.NOT_FOUND, "no text"),
        AnalyzeResult(error=Status(code=5, message="no text")),
        ImageResult("key", error=ImageError(Code.NOT_FOUND, "no text")),
        lambda _: ServiceError(Code.NOT_FOUND, "no text"),
    ],
    ids=["error", "image's error", "message", "result", "function"],
)
def test_an_error_may_come_in_any_form(answer: Answer | Callable[[bytes], Answer]) -> None:
    answers = Answers("fine")
    answers.reads(answer, of=INVOICE)
    failed, fine = read(answers, INVOICE, LETTER)
    assert failed.error is not None
    assert (failed.error.code, failed.error.message) == (Code.NOT_FOUND, "no text")
    assert fine.text == "fine"


def test_a_recorded_result_is_answered_again() -> None:
    [recorded] = read(Answers("first\n\nsecond"), INVOICE)
    [again] = read(Answers(recorded), INVOICE)
    assert again.annotation == recorded.annotation


def test_what_was_said_last_holds() -> None:
    answers = Answers()
    answers.reads("old", of=INVOICE)
    answers.fails(Code.NOT_FOUND, of=INVOICE)
    answers.reads("new", of=INVOICE)
    answers.reads("everywhere")
    assert [result.text for result in read(answers, INVOICE, LETTER)] == ["new", "everywhere"]


def test_an_error_that_may_pass_is_tried_again() -> None:
    calls: list[bytes] = []

    def answer(content: bytes) -> Answer:
        calls.append(content)
        return ServiceError(Code.UNAVAILABLE, "busy") if len(calls) < 3 else "read"

    [result] = read(Answers(answer), INVOICE)
    assert (result.text, result.attempts, calls) == ("read", 3, [INVOICE] * 3)


def test_an_image_of_which_nothing_is_said_is_an_error_that_tells_how() -> None:
    answers = Answers()
    answers.reads("something", of=LETTER)
    [result] = read(answers, INVOICE)
    assert result.error is not None
    assert result.error.code is Code.FAILED_PRECONDITION
    assert sha256(INVOICE).hexdigest()[:8] in result.error.message
    assert "reads(text, of=image)" in result.error.message


def test_both_apis_are_answered() -> None:
    answers = Answers("Hello world")
    answers.fails(Code.INVALID_ARGUMENT, "no picture", of=LETTER)
    with VisionClient(transport=MemoryTransport(answers, api=OCR_V1), api="ocr/v1") as client:
        assert client.analyze(INVOICE).text == "Hello world"
        with pytest.raises(ServiceError, match="no picture"):
            client.analyze(LETTER)


def test_functions_may_say_more() -> None:
    answers = Answers()

    def first(_: bytes) -> Answer:
        answers.reads("second")
        return "first"

    answers.reads(first)
    assert [read(answers, INVOICE)[0].text for _ in range(2)] == ["first", "second"]


@pytest.mark.parametrize("answer", [None, 7, b"bytes", Code.NOT_FOUND, ["text"], ValueError("no")])
def test_what_is_no_answer_is_refused_at_once(answer: Any) -> None:  # noqa: ANN401
    with pytest.raises(TypeError, match="an image shows a text, a message or an error"):
        Answers().reads(answer)


@pytest.mark.parametrize("image", ["invoice.png", "", "abc", "g" * 64, "0" * 65])
def test_a_text_that_is_no_digest_is_refused(image: str) -> None:
    with pytest.raises(ValueError, match="is not the first 8 or more digits"):
        Answers().reads("text", of=image)


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(TypeError, match="an image is bytes, a Path, a digest or a function, and not int"):
        Answers().reads("text", of=7)  # type: ignore[arg-type]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Answers().reads("text", of=tmp_path / "none.png")
