"""A result as plain values, which JSON, queues, tables and models take. docs/results.md says what each field is."""

import json
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import pybase64

from vision_grpc.codec.json import to_json
from vision_grpc.results.layout import in_range, languages_of, mean
from vision_grpc.results.plain_documents import plain_documents
from vision_grpc.texts.strict import bytes_of_key, is_strict, to_strict

if TYPE_CHECKING:
    from vision_grpc import messages
    from vision_grpc.results.result import ImageError, ImageResult

VERSION = 1
"""The version of the form. It changes when a reader of this one would misread it; new fields do not change it."""

Detail: TypeAlias = Literal["words", "text"]
"""How much: everything down to the words with their boxes, or everything but the pages."""


def to_dict(result: "ImageResult", detail: Detail) -> dict[str, Any]:
    """Return a result as dictionaries, lists, texts, numbers, booleans and None; see `ImageResult.to_dict`."""
    if detail not in {"words", "text"}:
        message = f"detail has to be 'words' or 'text', not {detail!r}"
        raise ValueError(message)
    error, is_strict_key = result.check().error, is_strict(result.key)
    plain: dict[str, Any] = {
        "version": VERSION,
        "key": result.key if is_strict_key else to_strict(result.key),
        "key_bytes": None if is_strict_key else _base64(bytes_of_key(result.key)),
        "ok": error is None,
        "error": None if error is None else _error(error),
        "text": to_strict(result.text),
        "attempts": result.attempts,
        "transport": result.transport,
        "request_id": _tree(result.request_id),
        "fallback_reason": _tree(result.fallback_reason),
        "operation_id": _tree(result.operation_id),
        "fitted": _tree(result.fitted),
    }
    if detail == "words":
        plain["pages"] = [_page(page.message) for page in result.pages]
        plain |= plain_documents(result.outcome)
    return plain


def _error(error: "ImageError") -> dict[str, Any]:
    return {
        "code": error.code.name,
        "message": to_strict(error.message),
        "retryable": error.retryable,
        "details": [_detail(each) for each in error.details],
    }


def _detail(detail: "messages.Any") -> Any:  # noqa: ANN401 - an object of any fields
    try:
        return _tree(json.loads(to_json(detail)))
    except ValueError:  # It has a number that Python does not read.
        return {"@type": detail.type_url, "value": _base64(detail.value)}


def _page(page: "messages.Page") -> dict[str, Any]:
    return {"width": page.width, "height": page.height, "blocks": [_block(block) for block in page.blocks]}


# Written over messages and not over views, and a line's languages are taken from its words: in half the time.
def _block(block: "messages.Block") -> dict[str, Any]:
    lines = [_line(line) for line in block.lines]
    confidences = [word["confidence"] for line in lines for word in line["words"]]
    plain = _area(block, "\n".join([line["text"] for line in lines]), mean(confidences), _languages(lines))
    plain["lines"] = lines
    return plain


def _line(line: "messages.Line") -> dict[str, Any]:
    words = [_word(word) for word in line.words]
    text = " ".join([word["text"] for word in words if word["text"]])
    plain = _area(line, text, in_range(line.confidence), _languages(words))
    plain["words"] = words
    return plain


def _word(word: "messages.Word") -> dict[str, Any]:
    return _area(word, word.text, in_range(word.confidence), languages_of(word))


def _area(
    area: "messages.Block | messages.Line | messages.Word",
    text: str,
    confidence: float | None,
    languages: list[str],
) -> dict[str, Any]:
    polygon = [[vertex.x, vertex.y] for vertex in area.bounding_box.vertices]
    box = [0, 0, 0, 0]
    if polygon:
        xs, ys = zip(*polygon, strict=True)
        box = [min(xs), min(ys), max(xs), max(ys)]
    return {"text": text, "confidence": confidence, "languages": languages, "box": box, "polygon": polygon}


def _languages(areas: Iterable[dict[str, Any]]) -> list[str]:
    return [*dict.fromkeys(code for area in areas for code in area["languages"])]


def _tree(value: Any) -> Any:  # noqa: ANN401 - plain values of any shape
    """Return values as strict JSON has them: texts in UTF-8, lists, finite numbers."""
    if isinstance(value, str):
        return to_strict(value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {to_strict(str(name)): _tree(each) for name, each in cast("Mapping[object, object]", value).items()}
    if isinstance(value, Sequence):
        return [_tree(each) for each in cast("Sequence[object]", value)]
    return value


def _base64(content: bytes) -> str:
    return pybase64.b64encode(content).decode()
