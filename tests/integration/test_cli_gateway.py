"""`vision-grpc serve --backend`: what the options say, and what is refused before it starts."""

import http.client
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from command_line import finish, read_line, run, start
from images_in_bytes import png
from ocr_service import Stream, serve_ocr

from vision_grpc import VisionClient
from vision_grpc.cli.serve import serve
from vision_grpc.errors import Code
from vision_grpc.messages import OcrTextAnnotation, RecognizeTextRequest, RecognizeTextResponse

OWN = "AQVNkeyofthegateway"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what the gateway warns of


def read_all(_: RecognizeTextRequest) -> Stream:
    return Stream([RecognizeTextResponse(text_annotation=OcrTextAnnotation(full_text="hello"))])


@contextmanager
def serving(*options: object, **variables: str) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    process = start("serve", "--backend", "ocr/v1", *options, variables=variables)
    try:
        yield process, json.loads(read_line(process))
    finally:
        process.kill()
        finish(process)


def test_a_gateway_with_credentials_of_its_own_says_what_is_behind_it() -> None:
    with serve_ocr(read_all, "grpc") as backend:
        options = ("--backend-endpoint", backend.address, "--backend-insecure", "--backend-credentials", "own")
        with serving(*options, "--backend-rps", 50, YC_API_KEY=OWN) as (process, ready):
            with VisionClient(ready["grpc_endpoint"], insecure=True, api="vision/v1") as client:
                assert client.analyze(png(1)).text == "hello"
            process.terminate()
            told = process.communicate(timeout=30)[1].decode()
    assert ready["backend"] == f"ocr/v1 at {backend.address}"
    assert backend.headers[0]["authorization"] == f"Api-Key {OWN}"
    assert "method=BatchAnalyze images=1" in told
    assert OWN not in told


def test_variables_stand_for_the_options() -> None:
    with serve_ocr(read_all, "rest") as backend:
        variables = {
            "VISION_GRPC_SERVE_BACKEND_ENDPOINT": f"http://{backend.address.removeprefix('http://')}",
            "VISION_GRPC_SERVE_BACKEND_TRANSPORT": "rest",
            # Those are for the program in front.
            "VISION_GRPC_ENDPOINT": "nowhere.example:443",
            "VISION_GRPC_API": "vision/v1",
        }
        with serving(**variables) as (_, ready):
            connection = http.client.HTTPConnection(urlsplit(ready["rest_endpoint"]).netloc, timeout=30)
            feature = {"type": "TEXT_DETECTION", "textDetectionConfig": {"languageCodes": ["*"]}}
            body = json.dumps({"analyzeSpecs": [{"content": "/9j/", "features": [feature]}]})
            connection.request("POST", "/vision/v1/batchAnalyze", body, {"authorization": "Bearer t1.caller"})
            answer = json.loads(connection.getresponse().read())
            connection.close()
    assert "hello" in json.dumps(answer)
    assert backend.headers[0]["authorization"] == "Bearer t1.caller"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--backend-rps", "1"), "--backend-rps is for a gateway: add --backend ocr/v1"),
        (("--open-to-all",), "--open-to-all is for a gateway"),
        (("--backend", "vision/v1"), "'vision/v1' is not 'ocr/v1'"),
        (("--backend", "ocr/v1", "--workers", "2"), "--workers is for a service that reads images itself"),
        (("--backend", "ocr/v1", "--quota", "documented"), "--quota is for a service that reads images itself"),
        (("--backend", "ocr/v1", "--require-auth", "secrets"), "add --backend-credentials own"),
        (("--backend", "ocr/v1", "--open-to-all"), "--open-to-all is for a gateway that uses its own credentials"),
        (("--backend", "ocr/v1", "--backend-credentials", "own", "--host", EVERYWHERE), "--open-to-all"),
        (("--backend", "ocr/v1", "--backend-credentials", "own", "--host", "::"), "pay with the gateway's own"),
        (("--backend", "ocr/v1", "--backend-rps", "0"), "--backend-rps"),
        (("--backend-cache", "answers"), "--backend-cache is for a gateway: add --backend ocr/v1"),
        (("--backend", "ocr/v1", "--cache", "1MB"), "--cache is for a service that reads images itself"),
        (("--backend", "ocr/v1", "--backend-cache", "answers"), "add --backend-credentials own"),
        (("--backend", "ocr/v1", "--backend-cache-mode", "all"), "add --backend-cache, or drop it"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(options: tuple[str, ...], told: str) -> None:
    finished = CliRunner().invoke(serve, options)
    assert finished.exit_code == 2
    assert told in " ".join(finished.output.split())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--backend-endpoint", "a.example:80", "--backend-insecure"), "drop --backend-insecure or http://"),
        (("--backend-endpoint", "http://a.example", "--backend-credentials", "own"), "in plaintext"),
        (("--backend-root-certificates", "missing.pem"), "missing.pem"),
        (("--backend-credentials", "own", "--backend-cache", "/etc/passwd"), "--backend-cache: "),
        (("--backend-credentials", "own", "--backend-cache", "/etc"), "--backend-cache: /etc is not a tape"),
        (("--backend-credentials", "own", "--backend-cache", "s3://key:word@bucket"), "--backend-cache: "),
    ],
)
def test_a_backend_that_cannot_be_called_is_a_reason_not_to_start(options: tuple[str, ...], told: str) -> None:
    finished = run("serve", "--backend", "ocr/v1", *options, variables={"YC_API_KEY": OWN})
    assert (finished.code, finished.stdout) == (2, b"")
    assert told in finished.errors[0]
    assert OWN not in finished.errors[0]


def test_with_the_mode_none_a_gateway_needs_no_credentials(tmp_path: Path) -> None:
    options = ("--backend-credentials", "own", "--backend-cache", tmp_path / "tape", "--backend-cache-mode", "none")
    with (
        serving(*options) as (_, ready),
        VisionClient(ready["grpc_endpoint"], insecure=True, api="vision/v1") as client,
    ):
        [result] = client.analyze_many([png(1)])
    assert result.error is not None
    assert result.error.code is Code.NOT_FOUND


def test_no_credentials_of_its_own_are_a_reason_not_to_start() -> None:
    finished = run("serve", "--backend", "ocr/v1", "--backend-credentials", "own")
    assert finished.code == 2
    assert "--backend-credentials own: no credentials" in finished.errors[0]


@pytest.mark.parametrize(
    ("options", "warning"),
    [
        ((), "in plaintext"),
        (("--tls-self-signed",), None),
        (("--tls-self-signed", "--keep", "5"), "can see the last 5 calls"),
        (("--backend-credentials", "own", "--open-to-all"), "pays with its own credentials"),
    ],
)
def test_a_gateway_that_others_reach_warns(options: tuple[str, ...], warning: str | None) -> None:
    with serving("--host", EVERYWHERE, *options, YC_API_KEY=OWN) as (process, _):
        process.terminate()
        told = process.communicate(timeout=30)[1].decode()
    assert ("warning: " in told) == (warning is not None), told
    assert warning is None or warning in told
