"""Answers of the service, whole and damaged, and what a client is to make of each image."""

from typing import Any

from vectors.encoding import VISION, message_of, text_of

_ANSWER, _RESULT = f"{VISION}.BatchAnalyzeResponse", f"{VISION}.AnalyzeResult"
# Waiting does not mend it, and the answer is billed: a client may ask once more at once, and no more.
_DAMAGED = {"code": "DATA_LOSS", "retryable": False}


def _read(*blocks: list[list[str]]) -> dict[str, Any]:
    """Return the result of an image: blocks of lines of words."""
    words = [[[{"text": word} if word else {} for word in line] for line in block] for block in blocks]
    page = {"blocks": [{"lines": [{"words": line} for line in block]} for block in words]}
    return {"results": [{"textDetection": {"pages": [page if blocks else {}]}}]}


def _failed(code: int, message: str = "") -> dict[str, Any]:
    """Return the result of an image that failed as a whole."""
    return {"error": {name: value for name, value in (("code", code), ("message", message)) if value}}


def _feature_failed(code: int) -> dict[str, Any]:
    """Return the result of an image whose one feature failed."""
    return {"results": [_failed(code)]}


def _ok(text: str) -> dict[str, Any]:
    return {"code": "OK", "text": text}


def _error(code: str, *, retryable: bool) -> dict[str, Any]:
    return {"code": code, "retryable": retryable}


# Name, the results in the answer, what becomes of each image.
_WHOLE: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]] = [
    ("words of a line are joined by blanks", [_read([["a", "b"]])], [_ok("a b")]),
    ("lines are apart, and so are blocks", [_read([["a"], ["b"]], [["c"]])], [_ok("a\nb\n\nc")]),
    ("a word without a text is left out", [_read([["a", "", "b"]])], [_ok("a b")]),
    ("a page without text", [_read()], [_ok("")]),
    ("a result without features", [{}], [_ok("")]),
    ("the order is that of the request", [_read([["a"]]), _read([["b"]])], [_ok("a"), _ok("b")]),
    ("an image that cannot be read", [_failed(3, "bad")], [_error("INVALID_ARGUMENT", retryable=False)]),
    (
        "one image fails, the other does not",
        [_failed(3, "bad"), _read([["b"]])],
        [_error("INVALID_ARGUMENT", retryable=False), _ok("b")],
    ),
    ("a feature that may work later", [_feature_failed(13)], [_error("INTERNAL", retryable=True)]),
    ("a feature that lacks a resource", [_feature_failed(8)], [_error("RESOURCE_EXHAUSTED", retryable=True)]),
    ("a feature that is refused", [_feature_failed(3)], [_error("INVALID_ARGUMENT", retryable=False)]),
    (
        "one feature of two fails",
        [{"results": [*_read([["a"]])["results"], _failed(13)]}],
        [_error("INTERNAL", retryable=True)],
    ),
    ("an error with a code of a later version", [_failed(99)], [_error("UNKNOWN", retryable=False)]),
    ("an error that is there and has no code", [{"error": {}}], [_error("UNKNOWN", retryable=False)]),
    ("a result too few", [_read([["a"]])], [_DAMAGED, _DAMAGED]),
    ("a result too many", [_read([["a"]]), _read([["b"]])], [_DAMAGED]),
    ("no result", [], [_DAMAGED]),
]


def _field(number: int, content: bytes) -> bytes:
    """Return a field with a length in wire format."""
    return bytes([number << 3 | 2, len(content)]) + content


def _wire(result: dict[str, Any]) -> bytes:
    return message_of(_RESULT, result).SerializeToString()


_GOOD = _wire(_read([["a"]]))


def _word(text: bytes) -> bytes:
    """Return a result with one word, whose text may be no UTF-8."""
    wire = _field(2, text)  # Word.text
    for number in (2, 2, 3, 1, 2, 2):  # lines' words, blocks' lines, pages' blocks, pages, text_detection, results
        wire = _field(number, wire)
    return wire


# Name, binary answer, what becomes of each image.
_BINARY: list[tuple[str, bytes, list[dict[str, Any]]]] = [
    ("bytes that are no message", b"\xff\xff\xff", [_DAMAGED]),
    ("an answer that is cut", _field(1, _GOOD)[:-1], [_DAMAGED]),
    ("a damaged result beside a good one", _field(1, b"\x12\x7f") + _field(1, _GOOD), [_DAMAGED, _DAMAGED]),
    ("a word that is no UTF-8", _field(1, _word(b"\xff")), [_DAMAGED]),
    ("a word in UTF-8", _field(1, _word("слово".encode())), [_ok("слово")]),
    ("fields of a later version", _field(1, _field(9, b"later") + _GOOD) + _field(9, b"later"), [_ok("a")]),
]


def contents() -> dict[str, Any]:
    """Return what answers.json holds."""
    whole = [
        (name, message_of(_ANSWER, {"results": results} if results else {}).SerializeToString(), outcome)
        for name, results, outcome in _WHOLE
    ]
    return {
        "about": "Answers to BatchAnalyze, and what a client is to make of each image. README.md says more.",
        "cases": [
            {"name": name, "images": len(outcome), "answer": text_of(wire), "results": outcome}
            for name, wire, outcome in [*whole, *_BINARY]
        ],
    }
