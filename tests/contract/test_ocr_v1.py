"""ocr/v1 behind the same calls: each client over each transport."""

import pickle
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from drivers import AsyncDriver, Driver, SyncDriver
from images_in_bytes import png
from ocr_service import OcrService, Script, Stream, answer, page, serve_ocr

from vision_grpc import Image, InvalidRequestError, Limits, ProtocolError, RetryPolicy
from vision_grpc.api.ocr_v1 import OCR_V1
from vision_grpc.auth import IamToken
from vision_grpc.errors import Code, ServiceError, TransportError
from vision_grpc.messages import OcrTextAnnotation, RecognizeTextRequest, RecognizeTextResponse
from vision_grpc.sources.ahead import read_ahead
from vision_grpc.sources.item import Item
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.opening import open_places
from vision_grpc.testing import MemoryTransport, without_backoff

Connect = Callable[..., tuple[Driver, OcrService]]
_JPEG = b"\xff\xd8\xff\xe0 a JPEG, or nearly"
_PDF = b"%PDF-1.7 a PDF, or nearly"


@pytest.fixture(params=["grpc", "rest", "memory"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["sync", "asyncio"])
def driver(request: pytest.FixtureRequest) -> type[SyncDriver | AsyncDriver]:
    return SyncDriver if request.param == "sync" else AsyncDriver


@pytest.fixture
def connect(transport: str, driver: Any) -> Iterator[Connect]:  # noqa: ANN401
    with without_backoff(), ExitStack() as stack:

        def connect(script: Script = answer, **options: Any) -> tuple[Driver, OcrService]:  # noqa: ANN401
            if transport == "memory":
                service = OcrService(script)
                connection: dict[str, Any] = {"transport": MemoryTransport(_in_memory(service), api=OCR_V1)}
            else:
                service = stack.enter_context(serve_ocr(script, transport))
                connection = {"endpoint": service.address, "transport": transport, "insecure": True}
            return driver({"api": "ocr/v1"} | connection | options), service

        yield connect


def _in_memory(service: OcrService) -> Callable[[RecognizeTextRequest], Any]:
    def handler(request: RecognizeTextRequest) -> Any:  # noqa: ANN401
        reply = service.answer(request, {})
        assert isinstance(reply, Stream)
        if reply.error is not None:
            raise reply.error
        return reply.pages

    return handler


def test_each_image_gets_its_own_text(connect: Connect, transport: str) -> None:
    client, service = connect()
    results = client.collect(Image(f"key {number}", png(number)) for number in range(30))
    assert {result.key: result.text for result in results} == {
        f"key {number}": f"number {number}" for number in range(30)
    }
    assert all(result.ok and result.attempts == 1 and result.transport == transport for result in results)
    assert len(service.requests) == 30


def test_a_request_says_what_the_file_is_and_what_is_wanted(connect: Connect) -> None:
    client, service = connect(lambda _: Stream([page(0, "text")]))
    for content, mime_type in ((png(1), "PNG"), (_JPEG, "JPEG"), (_PDF, "PDF")):
        assert client.analyze(content, languages=["ru", "en"], model="handwritten").ok
        assert service.requests[-1] == RecognizeTextRequest(
            content=content, mime_type=mime_type, language_codes=["ru", "en"], model="handwritten"
        )


def test_the_folder_goes_along_with_the_call(connect: Connect, transport: str) -> None:
    client, service = connect(folder_id="b1g")
    assert client.analyze(png(1)).ok
    if transport != "memory":
        assert service.headers[0]["x-folder-id"] == "b1g"
        client, service = connect(folder_id="b1g", metadata={"X-Folder-Id": "other"})
        assert client.analyze(png(1)).ok
        assert service.headers[0]["x-folder-id"] == "other"


def test_a_file_may_be_larger_than_for_the_older_api(connect: Connect) -> None:
    client, _ = connect()
    assert client.analyze(png(7, size=3_000_000)).text == "number 7"
    [result] = client.collect([png(7, size=10 * 2**20 + 1)])
    assert result.error is not None
    assert result.error.code is Code.INVALID_ARGUMENT


def test_what_is_read_ahead_has_the_limits_of_the_api(connect: Connect, tmp_path: Path) -> None:
    client, _ = connect()
    (tmp_path / "large.png").write_bytes(png(7, size=3_000_000))
    [result] = client.collect(read_ahead(_items(tmp_path)))
    assert result.text == "number 7"
    [result] = client.collect(read_ahead(_items(tmp_path), limits=Limits()))
    assert result.error is not None


def _items(folder: Path) -> Iterator[Item]:
    return (entry for entry in open_places([str(folder)], SourceOptions()) if isinstance(entry, Item))


def test_pages_are_joined(connect: Connect) -> None:
    client, _ = connect(lambda _: Stream([page(0, "first page", "of three"), page(1, "second"), page(2, "third")]))
    result = client.analyze(_PDF)
    assert result.text == "first page\nof three\n\nsecond\n\nthird"
    assert [each.text for each in result.pages] == ["first page\nof three", "second", "third"]
    assert result.pages[0].width == 100
    assert [message.page for message in result.raw] == [0, 1, 2]  # type: ignore[union-attr]


def test_a_pdf_that_the_call_does_not_read_comes_with_what_may(connect: Connect, transport: str) -> None:
    error = ServiceError(Code.INVALID_ARGUMENT, "the PDF has 2 pages")
    client, _ = connect(lambda _: Stream(error=error))
    [result] = client.collect([_PDF], deferred=False)
    # A transport of one's own has no operations.
    advice = "" if transport == "memory" else "; a PDF of several pages is read with analyze_many(..., deferred=True)"
    assert result.error is not None
    assert result.error.message == f"the PDF has 2 pages{advice}"
    with pytest.raises(ServiceError) as raised:
        client.analyze(_PDF)
    assert str(raised.value).endswith(advice)
    [other] = client.collect([png(1)], deferred=False)
    assert other.error is not None
    assert other.error.message == "the PDF has 2 pages"
    if transport != "memory":
        [deferred] = client.collect([_PDF], deferred=True)
        assert deferred.error is not None
        assert "deferred" not in deferred.error.message


def test_confidence_is_absent_and_not_0(connect: Connect) -> None:
    client, _ = connect(lambda _: Stream([page(0, "two words")]))
    result = client.analyze(png(1))
    words = list(result.words())
    assert [(word.text, word.confidence, word.languages) for word in words] == [
        ("two", None, ["ru", "en"]),
        ("words", None, ["ru", "en"]),
    ]
    assert words[0].polygon == [(1, 2), (3, 4)]
    assert [block.confidence for block in result.blocks()] == [line.confidence for line in result.lines()] == [None]
    assert not result.has_confidence
    [plain] = result.to_dict()["pages"]
    assert plain["blocks"][0]["lines"][0]["words"][0]["confidence"] is None


def test_what_the_older_api_has_not_is_there_too(connect: Connect) -> None:
    cells = [{"row_index": 0, "column_index": 1, "text": "b"}, {"row_index": 1, "column_index": 0, "text": "c"}]
    table = {"row_count": 2, "column_count": 2, "cells": cells}
    first = page(
        0, "text", full_text="text\n", markdown="# text", rotate=2, tables=[table], pictures=[{"score": 0.5}],
        entities=[{"name": "surname", "text": "text"}],
    )  # fmt: skip
    client, _ = connect(lambda _: Stream([first, page(1, "more", markdown="more")]))
    read = client.analyze(png(1))
    for result in (read, pickle.loads(pickle.dumps(read))):  # noqa: S301 - our own
        assert (result.markdown, result.full_text, result.rotation) == ("# text\n\nmore", "text\n", 90)
        assert [each.rows() for each in result.tables] == [[["", "b"], ["c", ""]]]
        assert [each.score for each in result.pictures] == [0.5]
        assert result.raw[0] == first
        assert result.annotation is not None
        assert result.annotation.pages[0].entities[0].name == "surname"
    client, _ = connect(lambda _: Stream([page(0, "text")]))
    result = client.analyze(png(1))
    assert (result.markdown, result.full_text, result.rotation, result.tables, result.pictures) == (
        None, None, None, [], [],
    )  # fmt: skip


def test_text_without_places_is_text_nevertheless(connect: Connect) -> None:
    alone = RecognizeTextResponse(text_annotation=OcrTextAnnotation(full_text="one\ntwo"))
    line = RecognizeTextResponse()
    line.text_annotation.blocks.add().lines.add(text="a line")
    client, _ = connect(lambda _: Stream([alone]))
    assert client.analyze(png(1)).text == "one\ntwo"
    client, _ = connect(lambda _: Stream([line]))
    assert client.analyze(png(1)).text == "a line"


def test_pages_come_in_their_order_and_once(connect: Connect) -> None:
    client, _ = connect(lambda _: Stream([page(3, "c"), page(1, "a"), page(2, "b"), page(1, "a")]))
    assert client.analyze(_PDF).text == "a\n\nb\n\nc"


def test_two_answers_for_one_page_are_none(connect: Connect) -> None:
    client, service = connect(lambda _: Stream([page(1, "a"), page(1, "b")]))
    with pytest.raises(ProtocolError, match="page 1 came twice"):
        client.analyze(_PDF)
    assert len(service.requests) == 2  # An answer that cannot be read is asked for once more.


@pytest.mark.parametrize("pages", [[], [RecognizeTextResponse(page=1)]])
def test_an_answer_without_a_page_is_an_error(connect: Connect, pages: list[RecognizeTextResponse]) -> None:
    client, _ = connect(lambda _: Stream(pages))
    with pytest.raises(ProtocolError):
        client.analyze(png(1))


def test_an_error_before_the_first_page_is_that_of_the_call(connect: Connect) -> None:
    client, service = connect(lambda _: Stream(error=ServiceError(Code.INVALID_ARGUMENT, "unknown model")))
    with pytest.raises(ServiceError, match="unknown model") as caught:
        client.analyze(png(1), model="x")
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert len(service.requests) == 1


def test_an_error_between_pages_keeps_those_before_it(connect: Connect, transport: str) -> None:
    if transport == "memory":
        pytest.skip("a handler returns all or raises")
    error = ServiceError(Code.INVALID_ARGUMENT, "page 3 is damaged")
    client, service = connect(lambda _: Stream([page(1, "a"), page(2, "b")], error))
    result = client.analyze(_PDF)
    assert not result.ok
    assert result.text == "a\n\nb"
    assert result.error is not None
    assert (result.error.code, result.error.message) == (Code.INVALID_ARGUMENT, "page 3 is damaged")
    assert len(service.requests) == 1


def test_an_error_after_messages_without_a_page_is_that_of_the_call(connect: Connect, transport: str) -> None:
    if transport == "memory":
        pytest.skip("a handler returns all or raises")
    error = ServiceError(Code.INVALID_ARGUMENT, "page 1 is damaged")
    client, service = connect(lambda _: Stream([RecognizeTextResponse()], error))
    with pytest.raises(ServiceError, match="page 1 is damaged"):
        client.analyze(_PDF)
    assert len(service.requests) == 1


def test_what_may_pass_is_tried_again(connect: Connect, transport: str) -> None:
    error = ServiceError(Code.RESOURCE_EXHAUSTED, "quota")
    replies = iter(
        [Stream(error=error), Stream([page(0, "a")] * (transport != "memory"), error), Stream([page(0, "b")])]
    )
    client, _ = connect(lambda _: next(replies))
    result = client.analyze(png(1))
    assert (result.ok, result.text, result.attempts) == (True, "b", 3)


def test_a_secret_in_an_error_after_pages_is_hidden(connect: Connect, transport: str) -> None:
    if transport == "memory":
        pytest.skip("nothing is sent")
    error = ServiceError(Code.INVALID_ARGUMENT, "not for t1.very-secret-token")
    client, _ = connect(lambda _: Stream([page(1, "a")], error), credentials=IamToken("t1.very-secret-token"))
    result = client.analyze(_PDF)
    assert "very-secret" not in repr(result.error) + repr(result)


def test_the_bare_call_is_refused_by_name(connect: Connect) -> None:
    client, service = connect()
    with pytest.raises(TypeError, match="batch_analyze is a call of vision/v1"):
        client.batch_analyze(None)  # type: ignore[arg-type]
    assert not service.requests


def test_wishes_that_break_the_contract_are_refused(connect: Connect) -> None:
    client, service = connect()
    with pytest.raises(InvalidRequestError, match="model"):
        client.analyze(png(1), model="m" * 51)
    assert not service.requests


def test_a_stream_of_streams_can_be_left(connect: Connect) -> None:
    client, _ = connect()
    assert len(client.take((png(number) for number in range(100)), 3)) == 3


def test_messages_that_are_no_pages_are_an_error(connect: Connect, transport: str) -> None:
    if transport == "memory":
        pytest.skip("a handler returns pages")
    client, _ = connect(lambda _: b"\xff no message" if transport == "grpc" else b'{"result": 5}')
    with pytest.raises(ProtocolError):
        client.analyze(png(1))


def test_a_service_that_is_not_there_is_a_transport_error(driver: Any) -> None:  # noqa: ANN401
    client = driver({"api": "ocr/v1", "endpoint": "127.0.0.1:1", "transport": "grpc", "insecure": True,
                     "retry": RetryPolicy(attempts=1, max_backoff_s=0)})  # fmt: skip
    with pytest.raises(TransportError):
        client.analyze(png(1))
