"""What a client does not read before it needs it."""

import ssl
from pathlib import Path
from typing import Any, NoReturn

import pytest

from vision_grpc import AsyncVisionClient, VisionClient
from vision_grpc.auth import Anonymous
from vision_grpc.errors import SettingError
from vision_grpc.messages import BatchAnalyzeResponse
from vision_grpc.testing import MemoryTransport


@pytest.mark.parametrize("transport", ["auto", "grpc", "rest"])
def test_without_tls_no_certificate_is_looked_for(
    transport: Any,  # noqa: ANN401 - the parameter of a client
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    AsyncVisionClient("http://127.0.0.1:1", transport=transport)
    with VisionClient("http://127.0.0.1:1", transport=transport):
        pass
    with pytest.raises(SettingError, match="SSL_CERT_FILE"):
        VisionClient("https://127.0.0.1:1", transport=transport)


def test_openssl_reads_certificates_when_the_first_connection_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        message = "OpenSSL reads certificates"
        raise AssertionError(message)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", refuse)
    with VisionClient("https://127.0.0.1:1", transport="rest", credentials=Anonymous()):
        pass


def test_a_transport_of_ones_own_looks_for_no_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    transport = MemoryTransport(lambda _: BatchAnalyzeResponse())
    AsyncVisionClient(transport=transport)
    with VisionClient(transport=transport):
        pass
