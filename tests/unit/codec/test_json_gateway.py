"""Requests in odd JSON: what the local service takes, beside json_format. `integration/test_envoy.py` asks Envoy."""

import json

import pytest
from gateway_forms import FORMS, Form
from google.protobuf import json_format

from vision_grpc.codec.json import Skipped, from_json, read_as_gateway, to_json
from vision_grpc.codec.json.fast import read_fast
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import BatchAnalyzeRequest
from vision_grpc_pb._pool import POOL


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_what_one_meaning_has_is_taken(form: Form) -> None:
    if form.message is None:
        with pytest.raises(ProtocolError):
            read_as_gateway(form.body, BatchAnalyzeRequest)
    else:
        skipped = Skipped(len(form.skipped), list(form.skipped))
        assert read_as_gateway(form.body, BatchAnalyzeRequest) == (form.message, skipped)


@pytest.mark.parametrize(
    ("body", "first", "last"),
    [
        (json.dumps({f"x{number}": 1 for number in range(100_000)}), "x0", "x7"),
        (json.dumps({"analyzeSpecs": [{"y": None}] * 100_000}), "analyzeSpecs[0].y", "analyzeSpecs[7].y"),
    ],
    ids=["keys of one object", "a key of each object"],
)
def test_of_many_unknown_fields_the_first_are_kept_and_all_counted(body: str, first: str, last: str) -> None:
    _, skipped = read_as_gateway(body.encode(), BatchAnalyzeRequest)
    assert skipped.count == 100_000
    assert (skipped.paths[0], skipped.paths[-1], len(skipped.paths)) == (first, last, 8)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_json_format_differs_where_we_say(form: Form) -> None:
    theirs: BatchAnalyzeRequest | None
    try:
        theirs = json_format.Parse(form.body, BatchAnalyzeRequest(), ignore_unknown_fields=True, descriptor_pool=POOL)
    # It lets some of Python's own errors through, depending on its version.
    except (json_format.ParseError, ValueError, TypeError, AttributeError):
        theirs = None
    verdict = "refused" if theirs is None else "same" if theirs == form.message else "other"
    assert verdict == form.json_format


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_strictly_only_the_letter_of_proto3_json_is_taken(form: Form) -> None:
    """Base64 without padding or in the other alphabet belongs to it."""
    try:
        strict = from_json(form.body, BatchAnalyzeRequest, ignore_unknown=False)
    except ProtocolError:
        return
    assert (strict, ()) == (form.message, form.skipped)
    assert form.json_format == "same"
    assert json_format.Parse(form.body, BatchAnalyzeRequest(), descriptor_pool=POOL) == strict


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("data:image/png;base64,SECRET", "a data: URL was given where base64 was expected: drop everything up to the"),
        (" DATA:image/png;base64,SECRET", "a data: URL was given where base64 was expected"),
        ("SECRET!SECRET" * 9, "base64 was expected, not 117 characters with '!' at character 6"),
        ("SECRE" * 5, "base64 to its end was expected, not 25 characters of it"),
        (["SECRET"], "base64 was expected, not a list"),
    ],
)  # fmt: skip
def test_no_image_is_shown_in_an_error(content: object, message: str) -> None:
    body = json.dumps({"analyzeSpecs": [{"content": content}]}).encode()
    for read in (
        lambda: read_as_gateway(body, BatchAnalyzeRequest),
        lambda: from_json(body, BatchAnalyzeRequest, ignore_unknown=False),
    ):
        with pytest.raises(ProtocolError) as caught:
            read()
        assert str(caught.value).startswith("analyzeSpecs[0].content: ")
        assert "SECRE" not in str(caught.value)
    with pytest.raises(ProtocolError) as caught:
        read_as_gateway(body, BatchAnalyzeRequest)
    assert message in str(caught.value)


def test_a_name_in_a_path_is_bounded_and_has_no_line_ends() -> None:
    for key, shown in {"x" * 100_000: f"'{'x' * 40}'...", "a\nb": r"'a\nb'", "a.b": "'a.b'", "": "''"}.items():
        body = json.dumps({key: 1}).encode()
        assert read_as_gateway(body, BatchAnalyzeRequest)[1] == Skipped(1, [shown])
        with pytest.raises(ProtocolError) as caught:
            from_json(body, BatchAnalyzeRequest, ignore_unknown=False)
        assert str(caught.value) == f"{shown}: BatchAnalyzeRequest has no such field"


def test_usual_requests_and_mime_are_read_fast() -> None:
    for name in ("plain", "MIME", "Ruby's encode64", "no padding", "safe alphabet"):
        form = FORMS[name]
        fast = read_fast(form.body, BatchAnalyzeRequest, ignore_unknown=False, is_lenient=True)
        assert fast == form.message
    empty = BatchAnalyzeRequest()
    assert read_as_gateway(to_json(empty), BatchAnalyzeRequest) == (empty, Skipped())
