"""The conformance suite: its files are current, our client and our service pass it. test_faults.py has the faults."""

import base64
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from auth_peers import grpc_server
from environments import ROOT
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from images_in_bytes import png

from vision_grpc import RetryPolicy, VisionClient
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.codec.json import from_json, to_json
from vision_grpc.contract.rules import collect_violations
from vision_grpc.errors import ProtocolError
from vision_grpc.local import LocalVision
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import TextAnnotation
from vision_grpc_pb._pool import POOL

_FOLDER = ROOT / "tests" / "data" / "conformance"
# A quota that lets nothing through is waited for four times as long as the longest backoff.
_ONCE = RetryPolicy(attempts=1, initial_backoff_s=0.05, max_backoff_s=0.05)
_PATHS = {
    "yandex.cloud.ai.vision.v1.BatchAnalyzeRequest": "/vision/v1/batchAnalyze",
    "yandex.cloud.ai.ocr.v1.RecognizeTextRequest": "/ocr/v1/recognizeText",
}


def _cases(file: str, *lists: str) -> pytest.MarkDecorator:
    content = json.loads((_FOLDER / f"{file}.json").read_bytes())
    cases = [case for name in lists or ("cases",) for case in content[name]]
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


def _class(case: dict[str, Any]) -> type[Message]:
    return GetMessageClass(POOL.FindMessageTypeByName(case["type"]))


def _binary(case: dict[str, Any]) -> Message:
    return _class(case).FromString(base64.b64decode(case["binary"]))


def test_the_files_are_what_the_script_makes() -> None:
    checked = subprocess.run(
        [sys.executable, ROOT / "scripts" / "conformance.py", "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


@_cases("messages", "both", "binary_read")
def test_binary_is_printed_as_json(case: dict[str, Any]) -> None:
    assert json.loads(to_json(_binary(case))) == case["json"]


@_cases("messages", "both")
def test_json_is_read(case: dict[str, Any]) -> None:
    read = from_json(json.dumps(case["json"]).encode(), _class(case))
    assert read.SerializeToString(deterministic=True) == base64.b64decode(case["binary"])


@_cases("messages", "json_read")
def test_other_json_is_read(case: dict[str, Any]) -> None:
    read = from_json(case["text"].encode(), _class(case), ignore_unknown=False)
    assert read == _binary(case)
    assert json.loads(to_json(read)) == case["json"]


@_cases("messages", "json_with_unknown_fields")
def test_unknown_fields_are_ignored_or_refused(case: dict[str, Any]) -> None:
    assert from_json(case["text"].encode(), _class(case), ignore_unknown=True) == _binary(case)
    with pytest.raises(ProtocolError):
        from_json(case["text"].encode(), _class(case), ignore_unknown=False)


@_cases("messages", "json_refused")
def test_what_is_no_message_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        from_json(case["text"].encode(), _class(case), ignore_unknown=True)


@_cases("requests")
def test_the_client_finds_what_is_wrong_with_a_request(case: dict[str, Any]) -> None:
    request = from_json(json.dumps(case["request"]).encode(), _class(case))
    assert [violation.path for violation in collect_violations(request)] == case["violations"]


@pytest.fixture(scope="module")
def service() -> Iterator[LocalVision]:
    with LocalVision(engine=ScriptedEngine(lambda _: TextAnnotation())) as vision:
        yield vision


@_cases("requests")
def test_the_service_finds_the_same(case: dict[str, Any], service: LocalVision) -> None:
    if case["type"] not in _PATHS:
        pytest.skip("over REST, it has no body")
    url, body = f"{service.rest_endpoint}{_PATHS[case['type']]}", json.dumps(case["request"]).encode()
    assert _violations_told(url, body) == case["violations"]


def _violations_told(url: str, body: bytes) -> list[str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body)):  # noqa: S310 - HTTP
            return []
    except urllib.error.HTTPError as refused:
        told = json.loads(refused.read())
    # A method that answers with a stream wraps its error.
    details = told.get("error", told)["details"]
    return [each["field"] for detail in details for each in detail.get("fieldViolations", [])]


@_cases("answers")
def test_our_client_makes_of_an_answer_what_it_should(case: dict[str, Any]) -> None:
    wire = base64.b64decode(case["answer"])

    def answer(_: bytes, __: grpc.ServicerContext) -> bytes:
        return wire

    with (
        grpc_server(answer, method=VISION_V1.grpc_path) as address,
        VisionClient(address, insecure=True, transport="grpc", retry=_ONCE) as client,
    ):
        images = [png(number) for number in range(case["images"])]
        results = [result.check() for result in client.analyze_many(images, ordered=True)]
    assert [
        {"code": "OK", "text": result.text}
        if result.error is None
        else {"code": result.error.code.name, "retryable": result.error.retryable}
        for result in results
    ] == case["results"]


def test_the_readme_names_each_file() -> None:
    readme = (_FOLDER / "README.md").read_text()
    assert all(f"`{path.name}`" in readme for path in _FOLDER.glob("*.json"))
