"""Requests that keep the contract, and those that break it, with the paths of what is wrong."""

from typing import Any

from vectors.encoding import OCR, VISION, json_of, message_of

ANALYZE, RECOGNIZE = f"{VISION}.BatchAnalyzeRequest", f"{OCR}.RecognizeTextRequest"
_TEXT = {"type": "TEXT_DETECTION", "textDetectionConfig": {"languageCodes": ["en"]}}


def _image(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    whole = {"content": "aW1hZ2U=", "features": [_TEXT], **changes}
    return {name: value for name, value in whole.items() if value is not None}


def _images(*images: dict[str, Any], **others: str) -> dict[str, Any]:
    return {"analyzeSpecs": [*images], **others}


def _with_config(**config: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return _images(_image(features=[{"type": "TEXT_DETECTION", "textDetectionConfig": config}]))


# Name, type, request, the paths of the violations: without one, the request keeps the contract.
_CASES: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("one image", ANALYZE, _images(_image()), []),
    ("eight images", ANALYZE, _images(*[_image()] * 8), []),
    ("a folder of 50 characters", ANALYZE, _images(_image(), folderId="я" * 50), []),
    ("eight languages", ANALYZE, _with_config(languageCodes=["en"] * 8), []),
    ("a signature", ANALYZE, _images(_image(content=None, signature="abc")), []),
    ("a content that is set and empty", ANALYZE, _images(_image(content="")), []),
    ("no image", ANALYZE, {}, ["analyze_specs"]),
    ("nine images", ANALYZE, _images(*[_image()] * 9), ["analyze_specs"]),
    ("a folder of 51 characters", ANALYZE, _images(_image(), folderId="я" * 51), ["folder_id"]),
    ("neither content nor signature", ANALYZE, _images(_image(content=None)), ["analyze_specs[0].source"]),
    (
        "the second image has no source",
        ANALYZE,
        _images(_image(), _image(content=None)),
        ["analyze_specs[1].source"],
    ),
    ("no feature", ANALYZE, _images(_image(features=None)), ["analyze_specs[0].features"]),
    ("nine features", ANALYZE, _images(_image(features=[_TEXT] * 9)), ["analyze_specs[0].features"]),
    ("a media type of 256 characters", ANALYZE, _images(_image(mimeType="a" * 256)), ["analyze_specs[0].mime_type"]),
    (
        "a signature of 16,385 characters",
        ANALYZE,
        _images(_image(content=None, signature="a" * 16385)),
        ["analyze_specs[0].signature"],
    ),
    (
        "no language",
        ANALYZE,
        _with_config(model="page"),
        ["analyze_specs[0].features[0].text_detection_config.language_codes"],
    ),
    (
        "nine languages",
        ANALYZE,
        _with_config(languageCodes=["en"] * 9),
        ["analyze_specs[0].features[0].text_detection_config.language_codes"],
    ),
    (
        "the second language has four characters",
        ANALYZE,
        _with_config(languageCodes=["en", "engl"]),
        ["analyze_specs[0].features[0].text_detection_config.language_codes[1]"],
    ),
    (
        "a model of 51 characters",
        ANALYZE,
        _with_config(languageCodes=["en"], model="m" * 51),
        ["analyze_specs[0].features[0].text_detection_config.model"],
    ),
    (
        "a model of classification of 257 characters",
        ANALYZE,
        _images(_image(features=[{"type": "CLASSIFICATION", "classificationConfig": {"model": "m" * 257}}])),
        ["analyze_specs[0].features[0].classification_config.model"],
    ),
    (
        "all that is wrong is named",
        ANALYZE,
        _images(_image(features=None), _image(content=None), folderId="f" * 51),
        ["analyze_specs[0].features", "analyze_specs[1].source", "folder_id"],
    ),
    ("ocr/v1: a page", RECOGNIZE, {"content": "aW1hZ2U=", "model": "page"}, []),
    ("ocr/v1: a model of 51 characters", RECOGNIZE, {"content": "aW1hZ2U=", "model": "m" * 51}, ["model"]),
    ("ocr/v1: no operation", f"{OCR}.GetRecognitionRequest", {}, ["operation_id"]),
    ("ocr/v1: an id of 51 characters", f"{OCR}.GetRecognitionRequest", {"operationId": "o" * 51}, ["operation_id"]),
]


def contents() -> dict[str, Any]:
    """Return what requests.json holds."""
    return {
        "about": "Requests, and the paths of what breaks the contract in them. README.md says more.",
        "cases": [
            {"name": name, "type": kind, "request": json_of(message_of(kind, request)), "violations": violations}
            for name, kind, request, violations in _CASES
        ],
    }
