"""The wheel, installed with its dependencies and no extras, does its work; `scripts/matrix --all` shows more."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import trustme
from auth_peers import grpc_server
from environments import Environment
from images_in_bytes import png
from lanes.environment import wrong_requirements
from lanes.run import PROGRAMS
from lanes.service import service
from lying_server import lying_server, note, tunnel_to

from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeResponse

pytestmark = [pytest.mark.environment, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def service_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with service(tmp_path_factory.mktemp("service")) as file:
        yield file


def test_dependencies_are_satisfied(installed: Environment) -> None:
    assert wrong_requirements(installed) == ""


def test_grpc_has_the_details_that_are_not_public(installed: Environment) -> None:
    installed.run(PROGRAMS / "grpc_details.py")


def test_pages_are_read_over_both_transports_from_both_apis_with_all_credentials(
    installed: Environment, service_file: Path
) -> None:
    installed.run(PROGRAMS / "smoke.py", service_file)


@pytest.mark.parametrize("arguments", [["analyze", "a.png"], ["--help"], []])
def test_the_command_names_the_extra_that_it_lacks(installed: Environment, arguments: list[str]) -> None:
    command: list[str | Path] = [installed.folder / "bin" / "vision-grpc", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "error: the command line needs its extra: pip install 'vision-grpc[cli]'\n"


def test_grpc_goes_through_the_proxy_that_we_find(installed: Environment, tmp_path: Path) -> None:
    """gRPC is told so by options that all its releases know."""
    authority = trustme.CA()
    (tmp_path / "image.png").write_bytes(png(1))
    authority.cert_pem.write_to_path(tmp_path / "roots.pem")
    own = authority.issue_cert("vision.example")
    tls = grpc.ssl_server_credentials([(own.private_key_pem.bytes(), own.cert_chain_pems[0].bytes())])
    asked: list[bytes] = []

    def answer(_: bytes, __: grpc.ServicerContext) -> bytes:
        return BatchAnalyzeResponse(results=[AnalyzeResult()]).SerializeToString()

    with (
        grpc_server(answer, tls, VISION_V1.grpc_path) as address,
        lying_server(note(asked, tunnel_to(address))) as proxy,
    ):
        installed.run(PROGRAMS / "through_proxy.py", proxy.address, tmp_path / "roots.pem", tmp_path / "image.png")
    assert len(asked) == 2
    for request in asked:
        assert request.startswith(b"CONNECT vision.example:443 HTTP/1.1\r\n")
        assert b"\r\nProxy-Authorization: Basic bWU6UzNjcmV0IHdvcmQ=\r\n" in request
