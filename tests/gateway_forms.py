"""Requests in odd JSON, with what the local service, Envoy's transcoder and json_format make of them."""

import base64
import json
from typing import Literal, NamedTuple

from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, Feature, FeatureTextDetectionConfig

PICTURE = bytes(range(256)) * 3
_BASE64 = base64.b64encode(PICTURE).decode()
_URL_BASE64 = base64.urlsafe_b64encode(PICTURE).decode()
_FEATURE = {"type": "TEXT_DETECTION"}

Verdict = Literal["same", "other", "refused"]
"""Whether a reader gets the same message, another one, or none."""


class Form(NamedTuple):
    """A body and its message; None: the local service refuses it."""

    body: bytes
    message: BatchAnalyzeRequest | None
    envoy: Verdict = "same"
    json_format: Verdict = "same"
    skipped: tuple[str, ...] = ()
    """What the local service skips."""


def _in_lines(text: str, width: int, line_end: str) -> str:
    return "".join(text[start : start + width] + line_end for start in range(0, len(text), width))


def _body(content: object = _BASE64, feature: object = _FEATURE, **others: object) -> bytes:
    return json.dumps({"analyzeSpecs": [{"content": content, "features": [feature]}], **others}).encode()


def _text_feature(**config: object) -> dict[str, object]:
    return {"type": 1, "textDetectionConfig": config}


def _message(content: bytes = PICTURE, folder_id: str = "") -> BatchAnalyzeRequest:
    features = [Feature(type=Feature.TEXT_DETECTION)]
    return BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=content, features=features)], folder_id=folder_id)


def _in_languages(*codes: str) -> BatchAnalyzeRequest:
    config = FeatureTextDetectionConfig(language_codes=codes)
    feature = Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)
    return BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=PICTURE, features=[feature])])


FORMS = {
    "plain": Form(_body(), _message()),
    "Python's encodebytes": Form(_body(base64.encodebytes(PICTURE).decode()), _message()),
    "Ruby's encode64": Form(_body(_in_lines(_BASE64, 60, "\n")), _message()),
    "MIME": Form(_body(_in_lines(_BASE64, 76, "\r\n")), _message()),
    "PEM": Form(_body(_in_lines(_BASE64, 64, "\n")), _message()),
    "old Mac": Form(_body(_in_lines(_BASE64, 76, "\r")), _message()),
    "indented lines": Form(_body(_in_lines(_BASE64, 76, "\n\t    ")), _message()),
    "lines in the safe alphabet": Form(_body(_in_lines(_URL_BASE64, 76, "\n")), _message()),
    "every character in a line": Form(_body(_in_lines(_BASE64, 1, "\n")), _message()),
    "blank before": Form(_body(f" {_BASE64}"), _message()),
    "lines inside the padding": Form(_body("YQ=\n=\n"), _message(b"a")),
    "other white space": Form(_body("Y\fQ\v=="), _message(b"a"), json_format="same"),
    "line ends that JSON does not have": Form(
        _body("LINES").replace(b"LINES", _in_lines(_BASE64, 76, "\n").encode()), _message(), json_format="refused"
    ),
    "tabs that JSON does not have": Form(
        _body("LINES").replace(b"LINES", _in_lines(_BASE64, 76, "\r\n\t").encode()), _message(), json_format="refused"
    ),
    "no padding": Form(_body("YQ"), _message(b"a")),
    # json_format counts the line end when it adds the padding.
    "no padding, a line end": Form(_body("YQ\n"), _message(b"a"), json_format="refused"),
    "safe alphabet": Form(_body("-_8="), _message(b"\xfb\xff")),
    "safe alphabet, no padding": Form(_body("-_8"), _message(b"\xfb\xff")),
    # No encoder writes both alphabets, and there is only one way to read them.
    "both alphabets": Form(_body("-_8+/w"), _message(b"\xfb\xff>\xff"), envoy="refused"),
    "half the padding": Form(_body("YQ="), _message(b"a"), envoy="refused"),
    "bits beyond the end": Form(_body("YR=="), _message(b"a")),
    # From here on json_format would skip what is not base64, and read another image.
    "too much padding": Form(_body("YQ==="), None, envoy="refused", json_format="other"),
    "padding in the middle": Form(_body("YQ==YQ=="), None, envoy="refused", json_format="other"),
    "non-breaking blank": Form(_body("YW\u00a0Jj"), None, envoy="refused", json_format="other"),
    "NUL": Form(_body("YW\x00Jj"), None, envoy="refused", json_format="other"),
    "junk": Form(_body("YW!Jj"), None, envoy="refused", json_format="other"),
    "data: URL": Form(_body(f"data:image/png;base64,{_BASE64}"), None, envoy="refused", json_format="other"),
    "dots as padding": Form(_body("YQ.."), None, envoy="other", json_format="other"),
    "one digit too much": Form(_body("YWJjY"), None, envoy="refused", json_format="refused"),
    "number as base64": Form(_body(7), None, envoy="refused", json_format="refused"),
    "list as base64": Form(_body(["YWJj"]), None, envoy="refused", json_format="refused"),
    "one image": Form(
        json.dumps({"analyzeSpecs": {"content": _BASE64, "features": [_FEATURE]}}).encode(),
        _message(),
        json_format="refused",
    ),
    "one feature": Form(
        json.dumps({"analyzeSpecs": [{"content": _BASE64, "features": _FEATURE}]}).encode(),
        _message(),
        json_format="refused",
    ),
    "one of each, in lines": Form(
        json.dumps({"analyze_specs": {"content": _in_lines(_BASE64, 60, "\n"), "features": _FEATURE}}).encode(),
        _message(),
        json_format="refused",
    ),
    "one language": Form(_body(feature=_text_feature(languageCodes="ru")), _in_languages("ru"), json_format="refused"),
    # A list is not split out of a text: a code with a comma is for the service's rules to refuse.
    "languages in one text": Form(
        _body(feature=_text_feature(languageCodes="ru,en")), _in_languages("ru,en"), json_format="refused"
    ),
    "null in a list": Form(
        _body(feature=_text_feature(languageCodes=["ru", None, "en"])), _in_languages("ru", "en"), json_format="refused"
    ),
    "null among images": Form(
        _body().replace(b'"analyzeSpecs": [', b'"analyzeSpecs": [null, '), _message(), json_format="refused"
    ),
    "null for a list": Form(_body(feature=_text_feature(languageCodes=None)), _in_languages()),
    "null for a text": Form(_body(folderId=None), _message()),
    "wrong single value": Form(
        _body(feature=_text_feature(languageCodes=True)), None, envoy="refused", json_format="refused"
    ),
    # Envoy flattens; nobody means that.
    "list in a list": Form(
        _body(feature=_text_feature(languageCodes=[["ru"]])), None, envoy="other", json_format="refused"
    ),
    "list for a message": Form(
        _body(feature={"type": 1, "textDetectionConfig": [{"model": "line"}]}),
        None,
        envoy="refused",
        json_format="refused",
    ),
    "unknown field": Form(_body(novelty=1), _message(), skipped=("novelty",)),
    "unknown tree": Form(_body(novelty={"a": [1, {"b": None}]}), _message(), skipped=("novelty",)),
    "unknown fields in lists": Form(
        _body(feature=_FEATURE | {"languages": ["ru"]}, a=1),
        _message(),
        skipped=("analyzeSpecs[0].features[0].languages", "a"),
    ),
    "unknown field in one value": Form(
        json.dumps({"analyzeSpecs": {"content": _BASE64, "features": [_FEATURE], "mime": "x"}}).encode(),
        _message(),
        json_format="refused",
        skipped=("analyzeSpecs.mime",),
    ),
    "names in Pascal case": Form(b'{"FolderId": "x"}', BatchAnalyzeRequest(), skipped=("FolderId",)),
    "names of the proto": Form(
        json.dumps({"analyze_specs": [{"content": _BASE64, "features": [_FEATURE]}], "folder_id": "f"}).encode(),
        _message(folder_id="f"),
    ),
    "number of an enum": Form(_body(feature={"type": 1}), _message()),
    "number of an enum as text": Form(_body(feature={"type": "1"}), _message()),
    "number of an enum as a decimal": Form(_body(feature={"type": 1.0}), _message()),
    # json_format reads unknown names as 0, another feature than the caller means.
    "enum in lower case": Form(
        _body(feature={"type": "text_detection"}), None, envoy="refused", json_format="other"
    ),
    "unknown name of an enum": Form(_body(feature={"type": "NOVEL"}), None, envoy="refused", json_format="other"),
    "truth of an enum": Form(_body(feature={"type": True}), None, envoy="refused", json_format="other"),
    "number as text": Form(_body(folderId=7), None, envoy="refused", json_format="refused"),
    # Two values: whichever is taken, the other one is lost unseen.
    "one name twice": Form(_body()[:-1] + b', "folderId": "a", "folderId": "b"}', None, "other", "refused"),
    "both names of a field": Form(_body(folderId="a", folder_id="b"), None, envoy="other", json_format="other"),
    "two of a oneof": Form(
        json.dumps({"analyzeSpecs": [{"content": "YQ==", "signature": "s"}]}).encode(),
        None,
        envoy="refused",
        json_format="refused",
    ),
    # Windows writes it into files; RFC 8259, 8.1, lets a reader ignore it.
    "byte order mark": Form(b"\xef\xbb\xbf" + _body(), _message(), envoy="refused", json_format="refused"),
    "byte order mark before lines": Form(
        b"\xef\xbb\xbf" + _body(_in_lines(_BASE64, 76, "\r\n"), x=1),
        _message(),
        envoy="refused",
        json_format="refused",
        skipped=("x",),
    ),
    "UTF-16": Form(_body().decode().encode("utf-16"), None, envoy="refused", json_format="refused"),
    "windows-1251": Form('{"folderId": "\u0436"}'.encode("cp1251"), None, envoy="refused", json_format="refused"),
    # Envoy's parser is for more than JSON here.
    "comma at the end": Form(_body()[:-1] + b",}", None, envoy="other", json_format="refused"),
    "single quotes": Form(_body().replace(b'"', b"'"), None, envoy="other", json_format="refused"),
    "bare keys": Form(b'{folderId: "x"}', None, envoy="other", json_format="refused"),
    "text after the end": Form(_body() + b"x", None, envoy="refused", json_format="refused"),
    "white space around": Form(b"\r\n " + _body() + b"\n", _message()),
}  # fmt: skip
