"""The wheel, installed with its dependencies and no extras, does its work."""

import json
from pathlib import Path

import grpc
import pytest
import trustme
from auth_peers import grpc_server
from environments import Environment
from images_in_bytes import png
from lying_server import lying_server, note, tunnel_to
from scanned_pages import ScannedPage

from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.local import LocalVision
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeResponse

PROGRAMS = Path(__file__).parent.parent / "programs"

pytestmark = [pytest.mark.environment, pytest.mark.timeout(300)]


def test_dependencies_are_satisfied(installed: Environment) -> None:
    installed.pip("check")


def test_grpc_has_the_details_that_are_not_public(installed: Environment) -> None:
    installed.run(PROGRAMS / "grpc_details.py")


def test_both_transports_bring_the_same_text(installed: Environment, pages: dict[str, ScannedPage]) -> None:
    page = pages["mixed_sans"]
    languages = ",".join(page.language_codes)
    with LocalVision() as service:
        printed = installed.run(
            PROGRAMS / "round_trip.py", service.grpc_endpoint, service.rest_endpoint, page.path, languages
        )
    texts = json.loads(printed)
    assert texts["grpc"] == texts["rest"]
    assert page.text.split()[0] in texts["grpc"]


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
