import base64
import json
from datetime import datetime

import pytest
from journaled import answer, failed, read, sent

from vision_grpc.bulk.journal import Answers, LineWriter
from vision_grpc.codec.json import to_json
from vision_grpc.errors import Code
from vision_grpc.messages import AnalyzeResult
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.results.outcomes import JsonOutcome, MessageOutcome, WireOutcome
from vision_grpc.results.pixels import PixelMap
from vision_grpc.sources.fit.change import Change, Origin

_FIELDS = [
    "key", "ok", "retryable", "error", "text", "attempts", "request_id", "transport", "started_at", "finished_at"
]  # fmt: skip


def _load(line: bytes) -> dict[str, object]:
    """Return what a reader that is strict makes of a line."""
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    told: dict[str, object] = json.loads(line.decode("utf-8"))
    json.dumps(told, ensure_ascii=False).encode("utf-8")  # A lone surrogate fails here, escaped or not.
    return told


def test_a_line_has_all_fields_in_their_order() -> None:
    image = sent("a.png", started_at=1_700_000_000.25)
    line = LineWriter().render(read("a.png", "Привет", "мир"), image, finished_at=1_700_000_001.5)
    told = _load(line)
    assert list(told) == [*_FIELDS, "wire"]
    assert line.startswith(b'{"key":"a.png","ok":true,"retryable":false,"error":null,')
    assert told["text"] == "Привет мир"
    assert (told["attempts"], told["request_id"], told["transport"]) == (1, "r-1", "grpc")
    assert told["started_at"] == "2023-11-14T22:13:20.250000Z"
    assert datetime.fromisoformat(str(told["finished_at"])).timestamp() == 1_700_000_001.5
    assert AnalyzeResult.FromString(base64.b64decode(str(told["wire"]))) == answer("Привет", "мир")


def test_a_failure_says_why_and_whether_to_try_again() -> None:
    told = _load(LineWriter().render(failed("a.png")))
    assert list(told) == _FIELDS
    assert (told["ok"], told["retryable"], told["text"]) == (False, True, "")
    assert told["error"] == {"code": "UNAVAILABLE", "message": "was not reached"}
    assert _load(LineWriter().render(failed("a.png", Code.NOT_FOUND)))["retryable"] is False


def test_the_wire_bytes_are_those_that_came() -> None:
    odd = answer("a").SerializeToString() + b"\xf8\x7f\x01"  # A field that the contract does not have.
    told = _load(LineWriter().render(ImageResult("a", WireOutcome(odd, has_error=False))))
    assert base64.b64decode(str(told["wire"])) == odd


@pytest.mark.parametrize("make", [MessageOutcome, lambda message: JsonOutcome(to_json(message))])
def test_answers_that_came_otherwise_have_wire_bytes_too(make: type[MessageOutcome]) -> None:
    told = _load(LineWriter().render(ImageResult("a", make(answer("слово")))))
    assert AnalyzeResult.FromString(base64.b64decode(str(told["wire"]))) == answer("слово")


@pytest.mark.parametrize("answers", ["wire", "json", "none"])
def test_an_answer_is_kept_as_it_was_chosen(answers: Answers) -> None:
    told = _load(LineWriter(answers).render(read("a.png", "one")))
    assert ("wire" in told, "result" in told) == (answers == "wire", answers == "json")
    if answers == "json":
        assert told["result"] == json.loads(to_json(answer("one")))
        assert _load(LineWriter(answers).render(failed("a.png")))["result"] is None


def test_an_image_with_an_error_keeps_the_part_that_was_read() -> None:
    result = read("a.png", "half")
    result.error = ImageError(Code.INTERNAL, "the second feature failed")
    told = _load(LineWriter().render(result))
    assert (told["ok"], told["text"]) == (False, "half")
    assert "wire" in told


def test_a_damaged_answer_is_the_error_of_its_image() -> None:
    told = _load(LineWriter().render(ImageResult("a.png", WireOutcome(b"\x12\xff", has_error=False))))
    assert told["ok"] is False
    assert told["error"]["code"] == "DATA_LOSS"  # type: ignore[index]
    assert "wire" not in told


def test_what_an_image_has_of_its_own_is_beside_it() -> None:
    change = Change(Origin("TIFF", (4000, 3000), frames=2), (1000, 750), "JPEG", 90)
    result = change.restore(read("a.tif", "one"))
    told = _load(LineWriter().render(result, sent("a.tif", languages=("ru",), model="line"), change))
    assert told["fitted"] == change.to_dict()
    assert (told["languages"], told["model"]) == (["ru"], "line")
    kept = AnalyzeResult.FromString(base64.b64decode(str(told["wire"])))
    assert kept == result.result
    assert kept.results[0].text_detection.pages[0].width == 400
    assert change.pixel_map == PixelMap((1000, 750), (4000, 3000))


_ODD_KEYS = [
    "", " ", "\n", "\r\n\t", "\0", "\x1f\x7f", '"', "\\", "a\u2028b\u2029\x85", "\ufeff", "😀", "x" * 4_000,
    "ы" * 4_000,
    r"caf\xe9.png", r"caf\udce9.png", r"\u0041", "/", "s3://b/ключ#page=3", "\ufffe\uffff",
]  # fmt: skip


@pytest.mark.parametrize("key", _ODD_KEYS)
def test_a_key_of_characters_stays_as_it_is(key: str) -> None:
    told = _load(LineWriter().render(read(key, "one")))
    assert told["key"] == key
    assert "key_bytes" not in told


@pytest.mark.parametrize(
    ("key", "shown", "kept"),
    [
        ("caf\udce9.png", r"caf\xe9.png", b"caf\xe9.png"),
        ("\udcff\udcfe\n", "\\xff\\xfe\n", b"\xff\xfe\n"),
        ("я\udc80\\xff", "я\\x80\\xff", "я".encode() + b"\x80\\xff"),
        ("\ud800", r"\ud800", b"\xed\xa0\x80"),
    ],
)
def test_a_key_that_is_not_utf8_is_escaped_and_its_bytes_are_kept(key: str, shown: str, kept: bytes) -> None:
    told = _load(LineWriter().render(failed(key, message=f"{key}: gone")))
    assert told["key"] == shown
    assert base64.b64decode(str(told["key_bytes"])) == kept
    assert told["error"] == {"code": "UNAVAILABLE", "message": f"{shown}: gone"}


def test_lone_surrogates_are_escaped_wherever_they_are() -> None:
    result = failed("a.png", message="bad \udcff name")
    result.request_id = "\udc80"
    told = _load(LineWriter().render(result, sent("a.png", languages=["\udc81"], model="\udc82")))
    assert told["error"] == {"code": "UNAVAILABLE", "message": r"bad \xff name"}
    assert (told["request_id"], told["languages"], told["model"]) == (r"\x80", [r"\x81"], r"\x82")
    assert "key_bytes" not in told


def test_a_long_text_is_kept_whole() -> None:
    text = "слово\n" * 100_000
    told = _load(LineWriter().render(read("a.png", text)))
    assert told["text"] == text


@pytest.mark.parametrize(
    ("code", "attempts", "is_tried_again"),
    [
        (Code.NOT_FOUND, 0, True),
        (Code.PERMISSION_DENIED, 0, True),
        (Code.FAILED_PRECONDITION, 0, True),
        (Code.DEADLINE_EXCEEDED, 0, True),
        (Code.INVALID_ARGUMENT, 0, False),
        (Code.PERMISSION_DENIED, 1, False),
        (Code.NOT_FOUND, 1, False),
    ],
)
def test_what_was_not_read_here_is_tried_again(code: Code, attempts: int, *, is_tried_again: bool) -> None:
    result = ImageResult("a.png", error=ImageError(code, "a.png: not read"), attempts=attempts)
    assert _load(LineWriter().render(result))["retryable"] is is_tried_again
