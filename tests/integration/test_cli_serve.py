"""`vision-grpc serve`: from its line of JSON to its end."""

import ctypes
import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest
from command_line import PROGRAM_ON_A_FULL_DISK, Finished, cut_first_line, finish, read_line, run, start
from scanned_pages import ScannedPage

from vision_grpc import VisionClient
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.results import ImageResult
from vision_grpc.results.outcomes import MessageOutcome


@pytest.fixture(scope="module")
def line(pages: dict[str, ScannedPage], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image that is read quickly."""
    return cut_first_line(pages["en_sans"].path, tmp_path_factory.mktemp("line") / "line.png")


@contextmanager
def serving(*options: object) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    """Give a service that has announced itself, and its announcement."""
    process = start("serve", *options)
    try:
        yield process, json.loads(read_line(process))
    finally:
        process.kill()
        finish(process)


def end(process: subprocess.Popen[bytes], how: signal.Signals) -> Finished:
    process.send_signal(how)
    return finish(process)


def test_both_faces_answer_once_the_line_is_there(line: Path) -> None:
    with serving() as (_, endpoints):
        assert list(endpoints) == ["grpc_endpoint", "rest_endpoint"]
        assert len({endpoint.rpartition(":")[2] for endpoint in endpoints.values()}) == 1
        for endpoint in endpoints.values():
            with VisionClient(endpoint, insecure=True) as client:
                assert client.analyze(line).text.startswith("The harbour was quiet")


@pytest.mark.parametrize("options", [(), ("--strict",)])
def test_fields_that_the_contract_does_not_have_are_named_in_the_log_or_refused(options: tuple[str, ...]) -> None:
    body = json.dumps({"analyzeSpecs": [{"content": "YQ==", "features": [{}], "mimetype": "image/png"}]})
    with serving(*options) as (process, endpoints):
        connection = http.client.HTTPConnection(urlsplit(endpoints["rest_endpoint"]).netloc, timeout=30)
        connection.request("POST", "/vision/v1/batchAnalyze", body)
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        finished = end(process, signal.SIGTERM)
    named = "analyzeSpecs[0].mimetype"
    if options:
        assert response.status == 400
        assert answer["message"] == f"the body is not a BatchAnalyzeRequest: {named}: AnalyzeSpec has no such field"
    else:
        assert response.status == 200
        [line] = [line for line in finished.complaints if named in line]
        assert line.endswith(f": skipped {named}, which the contract does not have")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(how: signal.Signals) -> None:
    with serving() as (process, _):
        finished = end(process, how)
    # The announcement was all that there is on stdout.
    assert (finished.code, finished.stdout) == (0, b"")
    assert "Traceback" not in finished.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="/proc and tgkill are Linux's")
def test_a_signal_that_another_thread_takes_ends_it_too(line: Path) -> None:
    with serving() as (process, endpoints):
        # By the time that it has answered, its main thread waits for a signal.
        with VisionClient(endpoints["grpc_endpoint"], insecure=True) as client:
            client.analyze(line)
        threads = [int(entry.name) for entry in Path(f"/proc/{process.pid}/task").iterdir()]
        # As the kernel may choose for a signal that is sent to the process.
        other = next(thread for thread in threads if thread != process.pid)
        assert ctypes.CDLL(None).tgkill(process.pid, other, int(signal.SIGTERM)) == 0
        assert finish(process).code == 0


def test_a_call_in_flight_is_answered_at_the_end(line: Path) -> None:
    request = VISION_V1.template(["en"], "", "").message([line.read_bytes()])
    with serving() as (process, endpoints), grpc.insecure_channel(endpoints["grpc_endpoint"]) as channel:
        # Called as if it streamed, for only then metadata are told before the answer is there. The service
        # sends them when it takes up the call, before it reads the image.
        method = channel.unary_stream(
            VISION_V1.grpc_path,
            request_serializer=BatchAnalyzeRequest.SerializeToString,
            response_deserializer=BatchAnalyzeResponse.FromString,
        )
        call = method(request, timeout=30)
        assert dict(call.initial_metadata())["x-request-id"]
        finished = end(process, signal.SIGTERM)
        (response,) = call
    assert finished.code == 0
    result = ImageResult("line", MessageOutcome(response.results[0]))
    assert result.text.startswith("The harbour was quiet")


def test_it_ends_though_something_hangs() -> None:
    program = """
import threading
from vision_grpc.cli import main
from vision_grpc.local import LocalVision
LocalVision.close = lambda vision: threading.Event().wait()
main()
"""
    process = start("serve", program=("-c", program))
    assert read_line(process)
    assert end(process, signal.SIGTERM).code == 0


@pytest.mark.parametrize("option", ["--port", "--grpc-port", "--rest-port"])
def test_a_port_in_use_is_named(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finished = run("serve", option, port)
    assert (finished.code, finished.stdout) == (2, b"")
    (complaint,) = finished.complaints
    reason = "Address already in use; free the port or choose another (0 takes any)"
    assert complaint == f"error: cannot listen on 127.0.0.1:{port}: {reason}"


def test_no_language_data_is_one_line(tmp_path: Path) -> None:
    finished = run("serve", variables={"TESSDATA_PREFIX": str(tmp_path)})
    assert (finished.code, finished.stdout) == (2, b"")
    (complaint,) = finished.complaints
    assert complaint.startswith("error: no Tesseract language data: ")


def test_half_of_tls_is_refused(tmp_path: Path) -> None:
    finished = run("serve", "--tls-key", tmp_path / "key.pem")
    assert finished.code == 2
    assert "--tls-certificate and --tls-key go together: name both files" in finished.stderr


@pytest.mark.parametrize("host", ["..", "a" * 100, "vision.invalid", "192.0.2.1"])
def test_a_host_that_is_not_this_machine_is_named(host: str) -> None:
    finished = run("serve", "--host", host)
    assert (finished.code, finished.stdout) == (2, b"")
    (complaint,) = finished.complaints
    assert complaint.startswith(f"error: cannot listen on {host}:0: ")
    assert complaint.endswith("; name an address of this machine")


_SECRETS = {"key.json", "api-key", "oauth-token"}


def test_each_start_writes_new_secrets(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "secrets"
    seen = set[str]()
    for _ in range(2):
        with serving("--require-auth", folder):
            assert {path.name for path in folder.iterdir()} == _SECRETS
            assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
            seen |= {path.read_text() for path in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(seen) == 2 * len(_SECRETS)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def foreign(path: Path) -> str:
    return f"error: {path} is not of a local service and would be lost: name another folder"


@pytest.mark.parametrize("name", sorted(_SECRETS))
@pytest.mark.parametrize("content", ["", '{"id": "ajk", "service_account_id": "aje"}', "[]", "[" * 100_000])
def test_secrets_of_others_are_not_replaced(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    finished = run("serve", "--require-auth", tmp_path)
    # Not even the ports were opened.
    assert finished == (2, b"", f"{foreign(tmp_path / name)}\n")
    assert contents(tmp_path) == {name: content.encode()}


@pytest.mark.parametrize("name", ["api-key", "oauth-token"])
def test_a_secret_of_others_beside_ours_is_not_replaced(name: str, tmp_path: Path) -> None:
    with serving("--require-auth", tmp_path):
        pass
    (tmp_path / name).write_text("AQVNmine")
    before = contents(tmp_path)
    assert run("serve", "--require-auth", tmp_path) == (2, b"", f"{foreign(tmp_path / name)}\n")
    assert contents(tmp_path) == before


def test_a_secret_that_was_taken_away_is_written_again(tmp_path: Path) -> None:
    with serving("--require-auth", tmp_path):
        (tmp_path / "api-key").unlink()
    with serving("--require-auth", tmp_path):
        assert contents(tmp_path).keys() == _SECRETS


@pytest.mark.parametrize("name", sorted(_SECRETS))
@pytest.mark.parametrize("kind", ["dangling", "link", "pipe", "folder"])
def test_what_is_no_regular_file_is_neither_read_nor_replaced(name: str, kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    path = folder / name
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "mine")
    if kind == "link":
        (tmp_path / "mine").write_text('{"made_by": "vision-grpc serve"}')
    before = path.lstat()
    assert run("serve", "--require-auth", folder) == (2, b"", f"{foreign(path)}\n")
    assert path.lstat() == before
    assert list(folder.iterdir()) == [path]


def test_two_services_do_not_share_a_folder(tmp_path: Path) -> None:
    with serving("--require-auth", tmp_path):
        before = contents(tmp_path)
        complaint = f"error: {tmp_path} holds the credentials of another service that runs: name another folder\n"
        assert run("serve", "--require-auth", tmp_path) == (2, b"", complaint)
        assert contents(tmp_path) == before


def test_a_service_that_does_not_start_leaves_the_secrets_as_they_are(tmp_path: Path) -> None:
    with serving("--require-auth", tmp_path):
        before = contents(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run("serve", "--require-auth", tmp_path, "--grpc-port", taken.getsockname()[1]).code == 2
    assert contents(tmp_path) == before


def test_secrets_that_cannot_be_written_leave_nothing_behind(tmp_path: Path) -> None:
    with serving("--require-auth", tmp_path):
        before = contents(tmp_path)
    finished = run("serve", "--require-auth", tmp_path, program=PROGRAM_ON_A_FULL_DISK)
    assert finished.code == 2
    reason = "no credentials can be written there (File too large), name another folder"
    assert finished.complaints[-1] == f"error: {tmp_path}: {reason}"
    assert contents(tmp_path) == before


def test_a_host_that_others_reach_is_a_warning() -> None:
    with serving("--host", "0.0.0.0") as (process, _):  # noqa: S104 - what the warning is about
        finished = end(process, signal.SIGTERM)
    warning = (
        "warning: everybody who can reach this machine on 0.0.0.0 can use the service and see its calls, "
        "with their images: it needs no credentials"
    )
    assert warning in finished.complaints
