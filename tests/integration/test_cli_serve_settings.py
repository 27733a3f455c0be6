"""`vision-grpc serve`: its variables, its log, its certificate, and how it ends with the program that started it."""

import http.client
import json
import os
import signal
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from command_line import PROGRAM, Finished, finish, read_line, run, start

from vision_grpc import VisionClient
from vision_grpc.cli.serve import serve
from vision_grpc.cli.serve_options import PREFIX, VariableOption
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.self_signed import self_signed

# It is answered without any recognition: one image is none, the other one is not asked for.
_BODY = json.dumps({"analyzeSpecs": [{"content": "YQ==", "features": [{}]}]})
_OPTIONS = [option for option in serve.params if isinstance(option, VariableOption)]


@contextmanager
def serving(
    *options: object, variables: dict[str, str] | None = None, stderr: int = subprocess.PIPE
) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    """Give a service that has announced itself, and its announcement."""
    process = start("serve", *options, variables=variables, stderr=stderr)
    try:
        yield process, json.loads(read_line(process))
    finally:
        process.kill()
        finish(process)


def ask(url: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.request("GET" if body is None else "POST", path, body, headers or {})
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def analyze(url: str, times: int = 1, test_id: str = "") -> None:
    for _ in range(times):
        assert ask(url, "/vision/v1/batchAnalyze", _BODY, {"x-test-id": test_id})[0] == 200


def end(process: subprocess.Popen[bytes]) -> Finished:
    process.send_signal(signal.SIGTERM)
    return finish(process)


def test_a_variable_stands_for_an_option_and_options_go_first() -> None:
    variables = {f"{PREFIX}HOST": "vision.invalid", f"{PREFIX}STRICT": '"yes"', f"{PREFIX}LOG_LEVEL": " Warning\n"}
    with serving("--host", "127.0.0.1", variables=variables) as (process, ready):
        status, answer = ask(ready["rest_endpoint"], "/vision/v1/batchAnalyze", '{"x": 1}')
        finished = end(process)
    assert status == 400
    assert b"x: BatchAnalyzeRequest has no such field" in answer
    assert finished.complaints == []


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("REST_PORT", "http", "'http' is not a whole number from 0 to 65535"),
        ("GRPC_PORT", "70000", "'70000' is not a whole number from 0 to 65535"),
        ("STRICT", "maybe", "'maybe' is neither 1 nor 0"),
        ("GRACE", "-1", "'-1' is not a number of seconds from 0, at most 86400"),
        ("KEEP_BYTES", "lots", "'lots' is not a size such as 4096, 64KB or 256MiB"),
        ("LOG_LEVEL", "loud", "'loud' is not one of 'debug', 'info', 'warning', 'error'"),
        ("REQUESTS_PER_SECOND", "0", "'0' is not a number of calls a second above 0"),
    ],
)
def test_a_wrong_value_names_the_variable(name: str, value: str, complaint: str) -> None:
    finished = run("serve", variables={PREFIX + name: value})
    assert (finished.code, finished.stdout) == (2, b"")
    assert finished.stderr.startswith(f"error: Invalid value for {PREFIX}{name}: {complaint} (see ")


def test_several_values_of_a_variable_are_separated_by_commas() -> None:
    with serving(variables={f"{PREFIX}ALLOWED_HOST": "vision.example, *.test"}) as (_, ready):
        for host, status in {"vision.example": 200, "a.test": 200, "b.example": 421}.items():
            assert ask(ready["rest_endpoint"], "/healthz", headers={"host": host})[0] == status


def test_a_wrong_value_of_an_option_names_the_option() -> None:
    finished = run("serve", "--rest-port", "http", variables={f"{PREFIX}REST_PORT": "1"})
    assert finished.stderr.startswith("error: Invalid value for '--rest-port': 'http' is not a whole number")


def test_a_variable_of_no_option_is_a_warning() -> None:
    with serving(variables={f"{PREFIX}RSP": "3", f"{PREFIX}HOSTS\n": ""}) as (process, _):
        finished = end(process)
    assert f"warning: no option has the variable {PREFIX}RSP, is it {PREFIX}RPS?" in finished.complaints


def test_the_defaults_in_the_help_are_those_of_the_service() -> None:
    told = " ".join(run("serve", "--help").text.split())
    config = ServiceConfig()
    assert f"for calls in flight. [default: {config.grace_s}]" in told
    assert f"that take longer. [default: {config.recognition_s:g}]" in told
    assert f"0 remembers none. [default: {config.keep_calls}]" in told
    assert f"requests and answers. [default: {config.keep_bytes // 1024**2}MiB]" in told
    assert f"for images that come again. [default: {config.cache_bytes}]" in told
    assert f"for this time. [default: {config.keep_results_s / 86_400:g} days]" in told
    assert f"those under way among them. [default: {config.keep_operations}]" in told
    assert f"and of results. [default: {config.keep_operation_bytes // 1024**2}MiB]" in told


def test_the_documentation_has_every_option_with_its_variables() -> None:
    page = (Path(__file__).parents[2] / "docs" / "local-service.md").read_text()
    rows = {tuple(row.split(" | ")[:2]) for row in page.splitlines() if row.startswith("| `--")}
    expected = {
        (f"| `{'`, `'.join(option.opts)}`", f"`{'`, `'.join(name.removeprefix(PREFIX) for name in option.variables)}`")
        for option in _OPTIONS
    }
    assert rows == expected


def test_each_call_is_a_line_of_the_log() -> None:
    with serving() as (process, ready):
        analyze(ready["rest_endpoint"], test_id="mine")
        finished = end(process)
    (line,) = [line for line in finished.complaints if " call id=" in line]
    assert " transport=rest method=BatchAnalyze images=1 " in line
    assert line.endswith(" code=OK image_codes=INVALID_ARGUMENT:1 test_id=mine")


@pytest.mark.parametrize(("level", "paths"), [("info", ["/nowhere"]), ("debug", ["/healthz", "/nowhere"])])
def test_requests_that_are_no_calls_are_lines_too(level: str, paths: list[str]) -> None:
    with serving("--log-level", level) as (process, ready):
        for path in ("/healthz", "/nowhere"):
            ask(ready["rest_endpoint"], path)
        finished = end(process)
    told = [line for line in finished.complaints if " request peer=127.0.0.1:" in line]
    assert [line.partition(" path=")[2].partition(" ")[0] for line in told] == paths


def test_the_log_is_json_from_its_first_line_to_its_last() -> None:
    options = ("--log-format", "json", "--host", "0.0.0.0")  # noqa: S104 - it is a warning
    with serving(*options, variables={f"{PREFIX}RSP": "3"}) as (process, ready):
        analyze(ready["rest_endpoint"].replace("0.0.0.0", "127.0.0.1"), test_id="h\xe9")  # noqa: S104
        finished = end(process)
    lines: list[dict[str, Any]] = [json.loads(line) for line in finished.complaints]
    (call,) = [line for line in lines if line["message"] == "call"]
    assert {"id", "peer", "transport", "method", "images", "bytes", "ms", "code", "image_codes", "test_id"} < {*call}
    assert (call["level"], call["images"], call["image_codes"]) == ("info", 1, {"INVALID_ARGUMENT": 1})
    assert datetime.fromisoformat(call["time"]).tzinfo is not None
    assert [line["level"] for line in lines].count("warning") == 2
    assert "SIGTERM" in lines[-1]["message"]


def test_a_log_that_nobody_reads_holds_up_no_call() -> None:
    # A pipe takes 64 KB, the lines of some 300 calls.
    reading, writing = os.pipe()
    with serving(stderr=writing) as (_, ready):
        os.close(writing)
        analyze(ready["rest_endpoint"], times=600)
    os.close(reading)


def test_a_log_that_cannot_be_written_holds_up_no_call() -> None:
    reading, writing = os.pipe()
    with serving(stderr=writing) as (process, ready):
        os.close(writing)
        os.close(reading)
        analyze(ready["rest_endpoint"], times=2)
        assert end(process).code == 0


def test_it_begins_with_the_faults_of_a_file(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('[{"id": "down", "kind": "code", "code": "UNAVAILABLE", "times": 1}]')
    with serving("--faults", rules) as (process, ready):
        assert ask(ready["rest_endpoint"], "/vision/v1/batchAnalyze", _BODY)[0] == 503
        analyze(ready["rest_endpoint"])
        page = ask(ready["rest_endpoint"], "/metrics")[1]
        finished = end(process)
    assert b'vision_faulty_calls_total{method="BatchAnalyze",transport="rest"} 1.0' in page
    (line,) = [line for line in finished.complaints if " code=UNAVAILABLE " in line]
    assert line.endswith(" faults=down")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "error: {}: No such file or directory"),
        ('[{"code": "UNAVAILABEL"}]', "error: {}: "),
        ("{", "error: {}: "),
    ],
)
def test_rules_that_are_none_are_refused_by_name(content: str | None, complaint: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    if content is not None:
        rules.write_text(content)
    finished = run("serve", "--faults", rules)
    assert (finished.code, finished.stdout) == (2, b"")
    (line,) = finished.complaints
    assert line.startswith(complaint.format(rules))


def test_metrics_are_served() -> None:
    with serving() as (_, ready):
        analyze(ready["rest_endpoint"], times=2)
        status, page = ask(ready["rest_endpoint"], "/metrics")
    assert status == 200
    assert b'vision_calls_total{code="OK",method="BatchAnalyze",transport="rest"} 2.0' in page
    assert b'vision_images_total{code="INVALID_ARGUMENT"} 2.0' in page


def test_clients_trust_the_certificate_of_one_run(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    with self_signed() as files:
        assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    with serving("--tls-self-signed") as (process, ready):
        ca = Path(ready["ca"])
        # A service that is killed leaves no key behind.
        assert sorted(file.name for file in ca.parent.iterdir()) == ["ca.pem", "certificate.pem"]
        assert stat.S_IMODE(ca.parent.stat().st_mode) == 0o700
        for endpoint in (ready["grpc_endpoint"], ready["rest_endpoint"]):
            for name in ("127.0.0.1", "localhost"):
                with VisionClient(endpoint.replace("127.0.0.1", name), root_certificates=ca) as client:
                    assert client.analyze(picture).result is not None
        # Newer releases of Python are as strict by default.
        strict = ssl.create_default_context(cafile=ca)
        strict.verify_flags |= ssl.VERIFY_X509_STRICT
        connection = http.client.HTTPSConnection(urlsplit(ready["rest_endpoint"]).netloc, context=strict)
        connection.request("GET", "/metrics")
        assert connection.getresponse().status == 200
        connection.close()
        assert end(process).code == 0
    assert not ca.parent.exists()


def test_a_certificate_is_made_or_named_but_not_both() -> None:
    finished = run("serve", "--tls-self-signed", "--tls-key", "k.pem")
    assert finished.code == 2
    assert "--tls-self-signed makes a certificate: drop it, or drop --tls-certificate and --tls-key" in finished.stderr


def test_it_ends_when_its_standard_input_closes() -> None:
    process = start("serve", "--until-stdin-closes", stdin=subprocess.PIPE)
    assert read_line(process)
    # What is written there is thrown away.
    finished = finish(process, b"quit\n" * 100_000)
    assert finished.code == 0
    assert "standard input has closed" in finished.complaints[-1]


# As a test runner that starts a service and is killed.
_RUNNER = f"""
import subprocess, sys, threading
command = [sys.executable, *{PROGRAM!r}, "serve", "--until-stdin-closes"]
service = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(service.stdout.readline().decode(), flush=True)
threading.Event().wait()
"""


def test_it_ends_when_whoever_started_it_is_killed() -> None:
    reading, writing = os.pipe()
    runner = subprocess.Popen([sys.executable, "-c", _RUNNER], stdout=subprocess.PIPE, stderr=writing)
    os.close(writing)
    with runner:
        assert runner.stdout is not None
        assert json.loads(runner.stdout.readline())
        runner.kill()
    # The service holds the other end as long as it lives.
    with open(reading, "rb") as log:  # noqa: PTH123 - a descriptor
        assert b"standard input has closed" in log.read()


@pytest.mark.parametrize(
    ("stdin", "problem"),
    [("</dev/null", "/dev/null"), ("<&-", "closed"), (f"<{__file__}", "a file"), ("</dev/zero", "no pipe")],
)
def test_a_standard_input_that_would_not_close_is_refused(stdin: str, problem: str) -> None:
    command = [sys.executable, *PROGRAM, "serve", "--until-stdin-closes"]
    finished = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {stdin}', "sh", *command], capture_output=True, text=True, check=False, timeout=60
    )
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith(f"error: --until-stdin-closes: standard input is {problem}; start the service ")


def test_the_grace_period_is_an_option() -> None:
    with serving("--grace", "0") as (process, _):
        finished = end(process)
    assert finished.code == 0
    assert finished.complaints[-1].endswith(" SIGTERM: the service ends; calls in flight may take 0 s more")
