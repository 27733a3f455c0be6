"""Messages in both forms: what is printed and read, what is read besides, and what is not a message."""

from typing import Any

from vectors.encoding import OCR, VISION, base64_of, json_of, message_of, text_of

REQUEST, ANSWER, RESULT = f"{VISION}.BatchAnalyzeRequest", f"{VISION}.BatchAnalyzeResponse", f"{VISION}.AnalyzeResult"
WORD, FEATURE = f"{VISION}.Word", f"{VISION}.Feature"
OPERATION = "yandex.cloud.operation.Operation"

_TEXT = {"type": "TEXT_DETECTION", "textDetectionConfig": {"languageCodes": ["en", "ru"], "model": "page"}}
_BOX = {"vertices": [{"x": "1", "y": "2"}, {"x": "1", "y": "40"}, {"x": "90", "y": "40"}, {"x": "90", "y": "2"}]}
_WORD = {
    "boundingBox": _BOX,
    "text": "порту",
    "confidence": 0.97,
    "languages": [{"languageCode": "ru", "confidence": 1.0}],
    "entityIndex": "-1",
}
_PAGE = {
    "width": "640",
    "height": "480",
    "blocks": [{"boundingBox": _BOX, "lines": [{"boundingBox": _BOX, "words": [_WORD], "confidence": 0.97}]}],
    "entities": [{"name": "number", "text": "17"}],
}
_VIOLATION = {
    "@type": "type.googleapis.com/google.rpc.BadRequest",
    "fieldViolations": [{"field": "analyze_specs[0].content", "description": "is not a picture"}],
}
_RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.200s"}

_BOTH: list[tuple[str, str, dict[str, Any]]] = [
    ("nothing", REQUEST, {}),
    ("an image that is not described", REQUEST, {"analyzeSpecs": [{}]}),
    (
        "two images",
        REQUEST,
        {
            "analyzeSpecs": [
                {"content": "aW1hZ2U=", "features": [_TEXT], "mimeType": "image/png"},
                {"content": "/+8=", "features": [_TEXT, {"type": "FACE_DETECTION"}]},
            ],
            "folderId": "b1g",
        },
    ),
    ("a content that is set and empty", REQUEST, {"analyzeSpecs": [{"content": ""}]}),
    ("a signature in place of a content", REQUEST, {"analyzeSpecs": [{"signature": "abc"}]}),
    ("a type that has no number of its own", FEATURE, {}),
    ("a type of a later version", FEATURE, {"type": 99}),
    ("a config that is set and empty", FEATURE, {"type": "TEXT_DETECTION", "textDetectionConfig": {}}),
    ("classification", FEATURE, {"type": "CLASSIFICATION", "classificationConfig": {"model": "quality"}}),
    ("a page", ANSWER, {"results": [{"results": [{"textDetection": {"pages": [_PAGE]}}]}]}),
    ("a page without text", ANSWER, {"results": [{"results": [{"textDetection": {"pages": [{"width": "1"}]}}]}]}),
    ("a picture without pages", RESULT, {"results": [{"textDetection": {}}]}),
    (
        "an image that failed, with details",
        RESULT,
        {"error": {"code": 3, "message": "bad", "details": [_VIOLATION, _RETRY]}},
    ),
    (
        "one feature that failed beside one that did not",
        RESULT,
        {
            "results": [
                {"error": {"code": 13, "message": "again"}},
                {"faceDetection": {"faces": [{"boundingBox": _BOX}]}},
            ]
        },
    ),
    (
        "properties of a class",
        RESULT,
        {"results": [{"classification": {"properties": [{"name": "moderation", "probability": 0.25}]}}]},
    ),
    (
        "copies of an image",
        RESULT,
        {"results": [{"imageCopySearch": {"copyCount": "3", "topResults": [{"imageUrl": "https://a.example/1.png"}]}}]},
    ),
    ("integers beyond what a double holds", f"{VISION}.Vertex", {"x": "9007199254740993", "y": "-9007199254740993"}),
    (
        "the largest and smallest integers",
        f"{VISION}.Vertex",
        {"x": "9223372036854775807", "y": "-9223372036854775808"},
    ),
    ("a confidence that is no number", WORD, {"confidence": "NaN"}),
    ("a confidence without end", WORD, {"confidence": "-Infinity"}),
    ("a small confidence", WORD, {"confidence": 5e-324}),
    ("quotes, backslashes and control characters", WORD, {"text": '"\\/\b\f\n\r\t\x00\x1f\x7f\u2028'}),
    ("writing from right to left, and marks that combine", WORD, {"text": "שלום\u202e e\u0301"}),
    ("characters outside the basic plane", WORD, {"text": "👩‍👩‍👧‍👦 \U0001d518"}),
    (
        "ocr/v1: a request",
        f"{OCR}.RecognizeTextRequest",
        {"content": "JVBERg==", "mimeType": "application/pdf", "model": "table"},
    ),
    (
        "ocr/v1: a page with a table",
        f"{OCR}.RecognizeTextResponse",
        {
            "textAnnotation": {
                "width": "10",
                "fullText": "a\nb\n",
                "rotate": "ANGLE_90",
                "tables": [
                    {"rowCount": "1", "columnCount": "1", "cells": [{"columnSpan": "1", "rowSpan": "1", "text": "a"}]}
                ],
                "markdown": "# a",
                "pictures": [{"boundingBox": {"vertices": [{"x": "5"}]}, "score": 0.5}],
            },
            "page": "2",
        },
    ),
    ("an operation that goes on", OPERATION, {"id": "op1", "createdAt": "2024-02-29T23:59:59.120Z", "createdBy": "me"}),
    ("an operation that failed", OPERATION, {"id": "op1", "done": True, "error": {"code": 1, "message": "cancelled"}}),
    (
        "an operation that yielded a message",
        OPERATION,
        {"id": "op1", "done": True, "response": {"@type": f"type.googleapis.com/{WORD}", "text": "a"}},
    ),
    (
        "a token with nanoseconds",
        "yandex.cloud.iam.v1.CreateIamTokenResponse",
        {"iamToken": "t1.abc", "expiresAt": "2024-01-01T00:00:00.000000001Z"},
    ),
    (
        "addresses of services",
        "yandex.cloud.endpoint.ListApiEndpointsResponse",
        {"endpoints": [{"id": "ai-vision", "address": "vision.example:443"}], "nextPageToken": "2"},
    ),
]

# JSON that is read besides the form that is printed: name, type, JSON, the form that is printed.
_READ: list[tuple[str, str, str, dict[str, Any]]] = [
    ("names as in the proto", REQUEST, '{"folder_id": "b1g"}', {"folderId": "b1g"}),
    ("integers as numbers", f"{VISION}.Vertex", '{"x": 5, "y": -7}', {"x": "5", "y": "-7"}),
    ("integers with an exponent", f"{VISION}.Vertex", '{"x": 1e3, "y": 2.0}', {"x": "1000", "y": "2"}),
    ("doubles as texts", WORD, '{"confidence": "0.5"}', {"confidence": 0.5}),
    ("enums as numbers", FEATURE, '{"type": 1}', {"type": "TEXT_DETECTION"}),
    ("null for what is not there", REQUEST, '{"analyzeSpecs": null, "folderId": null}', {}),
    ("zeros that are written out", WORD, '{"text": "", "confidence": 0, "entityIndex": "0"}', {}),
    ("base64 of URLs", f"{VISION}.AnalyzeSpec", '{"content": "_-8="}', {"content": "/+8="}),
    ("base64 without padding", f"{VISION}.AnalyzeSpec", '{"content": "/+8"}', {"content": "/+8="}),
    ("white space and escapes", WORD, ' {\n"te\\u0078t" :\t"\\ud83d\\ude00"} ', {"text": "😀"}),
]

_UNKNOWN: list[tuple[str, str, str, dict[str, Any]]] = [
    ("a field of a later version", WORD, '{"text": "a", "later": {"deep": [1, null]}}', {"text": "a"}),
    ("a later field in a message within", REQUEST, '{"analyzeSpecs": [{"later": 1}]}', {"analyzeSpecs": [{}]}),
]

# Name, type, text.
_REFUSED = [
    ("no JSON", WORD, '{"text": "a"'),
    ("nothing at all", WORD, ""),
    ("a list in place of a message", WORD, "[]"),
    ("a text in place of a message", REQUEST, '{"analyzeSpecs": ["a"]}'),
    ("a message in place of a list", REQUEST, '{"analyzeSpecs": {"content": ""}}'),
    ("a number in place of a text", WORD, '{"text": 1}'),
    ("a text that is no integer", f"{VISION}.Vertex", '{"x": "five"}'),
    ("an integer with a fraction", f"{VISION}.Vertex", '{"x": 1.5}'),
    ("an integer of 65 bits", f"{VISION}.Vertex", '{"x": "9223372036854775808"}'),
    ("a truth value in place of a number", WORD, '{"confidence": true}'),
    ("null in a list", REQUEST, '{"analyzeSpecs": [null]}'),
    ("two of what is one at most", f"{VISION}.AnalyzeSpec", '{"content": "", "signature": "a"}'),
    ("a time that is none", "yandex.cloud.iam.v1.CreateIamTokenResponse", '{"expiresAt": "yesterday"}'),
]

# Binary forms with more than the contract has: field 1000 of the message, a text.
_LATER = b"\xc2\x3e\x05later"


def contents() -> dict[str, Any]:
    """Return what messages.json holds."""
    return {
        "about": "Messages in binary and in proto3 JSON. README.md says what each list asks for.",
        "both": [
            {"name": name, "type": kind, "binary": base64_of(message_of(kind, value)), "json": value}
            for name, kind, value in _BOTH
        ],
        "binary_read": [
            {
                "name": f"{name}, and a field of a later version",
                "type": kind,
                "binary": text_of(message_of(kind, value).SerializeToString(deterministic=True) + _LATER),
                "json": value,
            }
            for name, kind, value in _BOTH
            if name in {"two images", "a page"}
        ],
        "json_read": [_read(*case) for case in _READ],
        "json_with_unknown_fields": [_read(*case) for case in _UNKNOWN],
        "json_refused": [{"name": name, "type": kind, "text": text} for name, kind, text in _REFUSED],
    }


def _read(name: str, kind: str, text: str, value: dict[str, Any]) -> dict[str, Any]:
    message = message_of(kind, value)
    return {"name": name, "type": kind, "text": text, "binary": base64_of(message), "json": json_of(message)}
