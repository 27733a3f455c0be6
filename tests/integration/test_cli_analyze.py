"""What `vision-grpc analyze` reads and prints."""

import json
import re
import shutil
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from cer import character_error_rate
from command_line import cut_first_line, lines_of, run
from images_in_bytes import png
from scanned_pages import FOLDER, ScannedPage
from scripted_service import answer, numbers_of, serve_grpc

from vision_grpc import VisionClient, to_json
from vision_grpc.local import LocalVision
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse

BEGINNING = "The harbour was quiet"
_SOON_S = 30.0
_SAY_WHETHER_MEMORY_IS_TUNED = """
import sys
from vision_grpc.cli import main
from vision_grpc.session import memory
try:
    main()
finally:
    print(memory._tune.cache_info().currsize == 1, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    with LocalVision() as vision:
        yield vision


@pytest.fixture(scope="module")
def there(vision: LocalVision) -> tuple[str, ...]:
    """The options that lead to the service."""
    return ("--endpoint", vision.grpc_endpoint, "--insecure")


@pytest.fixture(scope="module")
def line(pages: dict[str, ScannedPage], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image that is read quickly."""
    return cut_first_line(pages["en_sans"].path, tmp_path_factory.mktemp("line") / "line.png")


def test_pages_are_read_with_few_wrong_characters(pages: dict[str, ScannedPage], tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    # The folder has a list of its pages, too.
    finished = run("analyze", "--local", "-l", "ru,en", FOLDER, "--exclude", "*.json", "-o", output, "--quiet")
    assert finished == (0, b"", "")
    read = {Path(told["key"]).stem: told for told in lines_of(output)}
    assert read.keys() == pages.keys() == {"en_sans", "mixed_sans", "ru_sans"}
    rates = {name: character_error_rate(told["text"], pages[name].text) for name, told in read.items()}
    assert rates["en_sans"] <= 0.01
    assert rates["ru_sans"] <= 0.01
    assert rates["mixed_sans"] <= 0.03


@pytest.mark.parametrize("transport", ["auto", "grpc", "rest"])
def test_a_service_of_its_own_takes_either_transport(line: Path, transport: str) -> None:
    finished = run("analyze", "--local", "--transport", transport, "--format", "jsonl", line)
    assert finished.code == 0
    (told,) = finished.objects
    assert told["text"].startswith(BEGINNING)
    assert told["transport"] == ("rest" if transport == "rest" else "grpc")


@pytest.mark.parametrize("local", [True, False])
def test_memory_is_tuned_unless_ocr_runs_beside(there: tuple[str, ...], line: Path, *, local: bool) -> None:
    service = ("--local",) if local else there
    finished = run("analyze", *service, line, program=("-c", _SAY_WHETHER_MEMORY_IS_TUNED))
    assert (finished.code, finished.complaints) == (0, [str(not local)])


def test_the_environment_names_service_and_transport(vision: LocalVision, line: Path) -> None:
    variables = {"VISION_GRPC_ENDPOINT": vision.rest_endpoint, "VISION_GRPC_TRANSPORT": "rest"}
    (told,) = run("analyze", "--format", "jsonl", line, variables=variables).objects
    assert told["transport"] == "rest"


def test_a_service_of_its_own_heeds_the_transport_alone(line: Path) -> None:
    variables = {"VISION_GRPC_TRANSPORT": "rest", "VISION_GRPC_ENDPOINT": "127.0.0.1:1", "YC_API_KEY": "secret"}
    (told,) = run("analyze", "--local", "--format", "jsonl", line, variables=variables).objects
    assert told["transport"] == "rest"
    assert told["ok"]
    refused = run("analyze", "--local", line, variables={"VISION_GRPC_TRANSPORT": "soap"})
    assert refused.code == 2
    assert refused.complaints[0].startswith(
        "error: VISION_GRPC_TRANSPORT: the transport 'soap' is not one of auto, grpc, rest"
    )


def test_tls_is_trusted_by_the_roots_that_are_named(line: Path, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate, key, roots = tmp_path / "certificate.pem", tmp_path / "key.pem", tmp_path / "roots.pem"
    issued = authority.issue_cert("127.0.0.1")
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(roots)
    with LocalVision(tls_certificate=certificate, tls_key=key) as vision:
        for endpoint in (vision.grpc_endpoint, vision.rest_endpoint):
            trusting = run("analyze", "--endpoint", endpoint, "--root-certificates", roots, line)
            assert trusting.code == 0
            assert trusting.text.startswith(BEGINNING)
        distrusting = run("analyze", "--endpoint", vision.grpc_endpoint, line)
    assert distrusting.code == 2
    complaint, _ = distrusting.complaints
    assert "its certificate is not trusted" in complaint


def test_one_image_is_its_text_alone(there: tuple[str, ...], vision: LocalVision, line: Path) -> None:
    finished = run("analyze", *there, line)
    with VisionClient(vision.grpc_endpoint, insecure=True) as client:
        text = client.analyze(line).text
    assert finished == (0, f"{text}\n".encode(), "")


def test_several_images_have_headers(there: tuple[str, ...], line: Path, tmp_path: Path) -> None:
    shutil.copy(line, tmp_path / "a.png")
    shutil.copy(line, tmp_path / "b.png")
    finished = run("analyze", *there, "b.png", "a.png", cwd=tmp_path)
    assert finished.code == 0
    one, other = finished.text.split("\n\n==> a.png <==\n")
    assert one == f"==> b.png <==\n{other.rstrip()}"


def _write_pages(folder: Path) -> list[str]:
    names = [f"{number:02}.png" for number in range(16)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(png(number))
    return names


def test_texts_come_in_the_order_of_the_images(tmp_path: Path) -> None:
    others_are_read = threading.Event()

    def answer_the_first_last(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        if 0 in numbers_of(request):
            others_are_read.wait(_SOON_S)
        else:
            others_are_read.set()
        return answer(request)

    names = _write_pages(tmp_path)
    with serve_grpc(answer_the_first_last) as service:
        finished = run("analyze", "--endpoint", service.address, "--insecure", *names, cwd=tmp_path)
    assert finished.code == 0
    assert re.findall("==> (.+) <==", finished.text) == names


def test_lines_come_as_images_are_read(tmp_path: Path) -> None:
    lines = tmp_path / "out"

    def answer_the_first_last(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        if 0 in numbers_of(request):
            deadline = time.monotonic() + _SOON_S
            while lines.read_bytes().count(b"\n") < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
        return answer(request)

    names = _write_pages(tmp_path)
    with serve_grpc(answer_the_first_last) as service:
        options = ("--endpoint", service.address, "--insecure", "--format", "jsonl", "-o", "out")
        finished = run("analyze", *options, *names, cwd=tmp_path)
    assert finished.code == 0
    keys = [told["key"] for told in lines_of(lines)]
    assert sorted(keys) == names
    assert keys[0] != names[0]


def test_a_folder_with_one_image_is_its_text_alone(there: tuple[str, ...], line: Path) -> None:
    assert run("analyze", *there, line.parent).text.startswith(BEGINNING)


def test_an_image_comes_through_stdin(there: tuple[str, ...], line: Path) -> None:
    finished = run("analyze", *there, "--format", "jsonl", "--no-result", "-", stdin=line.read_bytes())
    assert finished.code == 0
    (told,) = finished.objects
    assert told["key"] == "-"
    assert told["text"].startswith(BEGINNING)


def test_the_service_answer_is_in_the_line(there: tuple[str, ...], vision: LocalVision, line: Path) -> None:
    (told,) = run("analyze", *there, "--format", "jsonl", line).objects
    with VisionClient(vision.grpc_endpoint, insecure=True) as client:
        answer = client.analyze(line).result
    assert answer is not None
    assert told["result"] == json.loads(to_json(answer))


def test_languages_and_model_reach_the_service(there: tuple[str, ...], line: Path) -> None:
    finished = run("analyze", *there, "--languages", "en, ru", "--model", "line", line)
    assert finished.text.startswith(BEGINNING)
    finished = run("analyze", *there, "--languages", "en,xx", line)
    assert finished.code == 1
    assert finished.complaints[0].startswith(f"error: {line}: unknown language code 'xx'")


def test_file_names_are_bytes(there: tuple[str, ...], line: Path, tmp_path: Path) -> None:
    name = b"caf\xe9\n.png"
    shutil.copy(bytes(line), bytes(tmp_path) + b"/" + name)
    (told,) = run("analyze", *there, "--format", "jsonl", name, cwd=tmp_path).objects
    assert told["key"] == "caf\\xe9\n.png"
    assert b64decode(told["key_bytes"]) == name
    finished = run("analyze", *there, name, b"\xe9.png", cwd=tmp_path)
    assert finished.text.startswith(r"==> $'caf\xe9\n.png' <==" + f"\n{BEGINNING}")
    assert finished.complaints[0] == r"error: $'\xe9.png': no such file, check the path"


def test_the_log_tells_more(there: tuple[str, ...], line: Path) -> None:
    finished = run("analyze", *there, "--verbose", line)
    assert finished.text.startswith(BEGINNING)
    assert any(f"{line}: by grpc, request id " in told for told in finished.complaints)
