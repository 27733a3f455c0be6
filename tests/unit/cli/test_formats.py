import json
from base64 import b64decode

import pytest

from vision_grpc import to_json
from vision_grpc.bulk.sink import Sent
from vision_grpc.cli.formats import JsonLines, PlainText
from vision_grpc.errors import Code
from vision_grpc.messages import AnalyzeResult, Block, FeatureResult, Line, Page, TextAnnotation, Word
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.results.outcomes import MessageOutcome
from vision_grpc.sources.item import Item

FAILED = ImageResult("b.png", error=ImageError(Code.UNAVAILABLE, "was not reached"), attempts=1, transport="rest")
SENT = Sent(Item("a.png", lambda _: b"", languages=["ru"]), 1_700_000_000.5)


def read(key: str, *words: str) -> ImageResult:
    page = Page(blocks=[Block(lines=[Line(words=[Word(text=word) for word in words])])] if words else [])
    answer = AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=[page]))])
    return ImageResult(key, MessageOutcome(answer), attempts=1, transport="grpc", request_id="r-1")


def test_one_text_stands_alone() -> None:
    assert PlainText(headers=False).render(read("a.png", "Привет,", "мир"), SENT) == "Привет, мир\n".encode()


def test_an_image_without_text_and_a_failed_one_print_nothing() -> None:
    form = PlainText(headers=False)
    assert form.render(read("a.png"), SENT) == form.render(FAILED, SENT) == b""


def test_several_texts_have_headers_and_an_empty_line_between() -> None:
    form = PlainText(headers=True)
    results = [FAILED, read("a.png", "one"), FAILED, read("c.png"), read("d.png", "two")]
    printed = b"".join(form.render(result, SENT) for result in results)
    assert printed == b"==> a.png <==\none\n\n==> c.png <==\n\n==> d.png <==\ntwo\n"


def test_a_header_repeats_the_bytes_of_the_file_name() -> None:
    assert PlainText(headers=True).render(read("caf\udce9.png"), SENT) == b"==> caf\xe9.png <==\n"


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("\ud800.png", rb"$'\ud800.png'"),
        ("\udd00\udce9.png", rb"$'\udd00\xe9.png'"),
        ("new\nline.png", rb"$'new\nline.png'"),
        ("\x1b[31mred\x9b2J.png", rb"$'\e[31mred\u009b2J.png'"),
        ("\u2028it's.png", rb"$'\u2028it\'s.png'"),
        ("it's $ 1\u202fPM \u65e5.png", "it's $ 1\u202fPM \u65e5.png".encode()),
    ],
)
def test_a_header_is_one_line_that_a_terminal_only_shows(key: str, shown: bytes) -> None:
    assert PlainText(headers=True).render(read(key, "one"), SENT) == b"==> " + shown + b" <==\none\n"


def test_a_json_line_holds_everything() -> None:
    result = read("a.png", "Привет")
    assert result.result is not None
    line = JsonLines("json").render(result, SENT)
    assert line.startswith('{"key":"a.png","ok":true,"retryable":false,"error":null,"text":"Привет",'.encode())
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    told = json.loads(line)
    fields = ["attempts", "request_id", "transport", "started_at", "finished_at", "languages", "result"]
    assert list(told)[5:] == fields
    assert told["attempts"] == 1
    assert told["transport"] == "grpc"
    assert told["request_id"] == "r-1"
    assert told["started_at"] == "2023-11-14T22:13:20.500000Z"
    assert told["languages"] == ["ru"]
    assert told["result"] == json.loads(to_json(result.result))


def test_a_json_line_of_a_failure() -> None:
    told = json.loads(JsonLines("json").render(FAILED, SENT))
    assert told["ok"] is False
    assert told["retryable"] is True
    assert told["text"] == ""
    assert told["error"] == {"code": "UNAVAILABLE", "message": "was not reached"}
    assert told["result"] is None


def test_a_json_line_without_the_answer_has_no_place_for_it() -> None:
    assert "result" not in json.loads(JsonLines("none").render(read("a.png", "one"), SENT))


def test_a_file_name_that_is_no_utf8_survives_json() -> None:
    line = JsonLines("none").render(read("caf\udce9.png"), SENT)
    assert line.decode("utf-8").startswith(r'{"key":"caf\\xe9.png"')
    assert b64decode(json.loads(line)["key_bytes"]) == b"caf\xe9.png"
