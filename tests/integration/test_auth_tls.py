"""What is wrong with TLS is said in words, at once and with what mends it, over either protocol."""

import ssl
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import grpc
import pytest
import trustme
from auth_peers import Reply, always, grpc_server, http_server

from vision_grpc import AuthError, PathError, VisionClient
from vision_grpc.auth import ApiKey, OAuthToken
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, Feature, FeatureTextDetectionConfig

Way = Literal["grpc", "rest"]
_TEXT = Feature(type=Feature.TEXT_DETECTION, text_detection_config=FeatureTextDetectionConfig(language_codes=["*"]))
_REQUEST = BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=b"image", features=[_TEXT])])


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@contextmanager
def _server(way: Way, certificate: trustme.LeafCert | None) -> Generator[str]:
    if way == "grpc":
        tls = None
        if certificate is not None:
            chain = b"".join(part.bytes() for part in certificate.cert_chain_pems)
            tls = grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])
        with grpc_server(lambda _, __: b"", tls) as address:
            yield address
        return
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
    with http_server(always(Reply(200, b"{}")), context) as url:
        yield url.partition("//")[2]


FAULTS = {
    "untrusted": r"not trusted here: pass root_certificates\)",
    "expired": r"\(renew its certificate; or is this machine's clock wrong\?\)",
    "another host": r"for another host: call it by a name that is in there\)",
    "plaintext": r"the port speaks no TLS: pass insecure=True if that is meant\)",
}


@pytest.mark.parametrize("way", ["grpc", "rest"])
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_words_and_its_fix(fault: str, way: Way, authority: trustme.CA, tmp_path: Path) -> None:
    roots = tmp_path / "roots.pem"
    (trustme.CA() if fault == "untrusted" else authority).cert_pem.write_to_path(roots)
    host = "other.example" if fault == "another host" else "127.0.0.1"
    days = -1 if fault == "expired" else 30
    certificate = authority.issue_cert(host, not_after=datetime.now(UTC) + timedelta(days=days))
    with _server(way, None if fault == "plaintext" else certificate) as address:
        with (
            VisionClient(address, transport=way, credentials=ApiKey("AQVNkey"), root_certificates=roots) as client,
            pytest.raises(PathError, match=FAULTS[fault]) as caught,
        ):
            client.batch_analyze(_REQUEST, timeout=20)
        assert caught.value.lasting
        # The same of the way to the IAM service.
        with pytest.raises(AuthError, match=FAULTS[fault]):
            OAuthToken("y0_token", iam_endpoint=address, transport=way, root_certificates=roots).authorization()
