"""What is wrong with TLS is said in words, at once and with what mends it, over either protocol."""

import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import grpc
import pytest
import trustme
from auth_peers import Reply, always, grpc_server, http_server
from drivers import AsyncDriver, SyncDriver

from vision_grpc import AuthError, PathError, TransportError, VisionClient
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.auth import ApiKey, OAuthToken
from vision_grpc.codec.json import to_json
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureTextDetectionConfig,
)
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.http.failure import translate

Way = Literal["grpc", "rest"]
_TEXT = Feature(type=Feature.TEXT_DETECTION, text_detection_config=FeatureTextDetectionConfig(language_codes=["*"]))
_REQUEST = BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=b"image", features=[_TEXT])])
_RESPONSE = BatchAnalyzeResponse(results=[AnalyzeResult()])
_MAY_SPEAK_TLS = "; drop insecure=True or http://"
_MAY_ASK = r": it may ask for a client certificate that it trusts \(.*\); pass client_certificate$"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@contextmanager
def _server(
    way: Way,
    certificate: trustme.LeafCert | None,
    clients: trustme.CA | None = None,
    newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> Generator[str]:
    """Give the address of a service, which takes only clients with a certificate of an authority if there is one."""
    if way == "grpc":
        tls = None
        if certificate is not None:
            chain, key = _pems(certificate)
            roots = None if clients is None else clients.cert_pem.bytes()
            tls = grpc.ssl_server_credentials([(key, chain)], roots, require_client_auth=clients is not None)
        with grpc_server(lambda _, __: _RESPONSE.SerializeToString(), tls, VISION_V1.grpc_path) as address:
            yield address
        return
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = newest
        certificate.configure_cert(context)
        if clients is not None:
            clients.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
    with http_server(always(Reply(200, to_json(_RESPONSE))), context) as url:
        yield url.partition("//")[2]


def _pems(certificate: trustme.LeafCert) -> tuple[bytes, bytes]:
    return b"".join(part.bytes() for part in certificate.cert_chain_pems), certificate.private_key_pem.bytes()


FAULTS = {
    "untrusted": r": its certificate is not trusted here \(.*\); pass root_certificates",
    "expired": r": its certificate has expired \(.*\); renew it, or set this machine's clock if it is wrong",
    "another host": r": its certificate is for another host \(.*\); call it by a name that is in the certificate",
    "plaintext": r": the port does not speak TLS \(.*\); correct the port, or pass insecure=True if",
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


@pytest.fixture(params=["grpc", "rest"])
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=[SyncDriver, AsyncDriver])
def call(request: pytest.FixtureRequest, way: Way, authority: trustme.CA) -> Callable[..., BatchAnalyzeResponse]:
    """Calls a service with a client that is made with some options."""
    known = {"transport": way, "credentials": ApiKey("AQVNkey"), "root_certificates": authority.cert_pem.bytes()}

    def call(address: str, **options: object) -> BatchAnalyzeResponse:
        client: SyncDriver | AsyncDriver = request.param({"endpoint": address, **known, **options})
        return client.batch_analyze(_REQUEST, timeout=20)

    return call


def test_a_client_certificate_is_presented(
    call: Callable[..., BatchAnalyzeResponse], way: Way, authority: trustme.CA, tmp_path: Path
) -> None:
    chain, key = _pems(authority.issue_cert("client@vision.example"))
    (tmp_path / "chain.pem").write_bytes(chain)
    (tmp_path / "key.pem").write_bytes(key)
    with _server(way, authority.issue_cert("127.0.0.1"), authority) as address:
        assert call(address, client_certificate=(chain, key)) == _RESPONSE
        assert call(address, client_certificate=(tmp_path / "chain.pem", tmp_path / "key.pem")) == _RESPONSE


def test_a_client_certificate_that_is_missing_or_not_trusted_is_told(
    call: Callable[..., BatchAnalyzeResponse], way: Way, authority: trustme.CA
) -> None:
    # gRPC does not tell why the service closed the connection.
    missing = r"may ask for a client certificate \(.*\); pass client_certificate" if way == "rest" else _MAY_ASK
    not_trusted = "does not trust the client certificate" if way == "rest" else _MAY_ASK
    stranger = _pems(trustme.CA().issue_cert("client@vision.example"))
    with _server(way, authority.issue_cert("127.0.0.1"), authority, ssl.TLSVersion.TLSv1_2) as address:
        with pytest.raises(PathError, match=missing):
            call(address)
        with pytest.raises(PathError, match=not_trusted):
            call(address, client_certificate=stranger)


def test_a_refusal_after_the_handshake_is_an_error_of_ours(
    call: Callable[..., BatchAnalyzeResponse], way: Way, authority: trustme.CA
) -> None:
    # Whether the reason or the end of the connection is read first is for the machine to say.
    with _server(way, authority.issue_cert("127.0.0.1"), authority) as address:
        for _ in range(5):
            with pytest.raises(TransportError, match=r"(was not reached|broke): it (asks|may ask) for a client cert"):
                call(address)


@pytest.mark.parametrize("certificate", [None, _pems(trustme.CA().issue_cert("client@vision.example"))])
@pytest.mark.parametrize("transport", ["auto", "grpc", "rest"])
def test_a_service_over_grpc_alone_that_closes_the_connection_may_ask_for_a_certificate(
    transport: Literal["auto", "grpc", "rest"], certificate: tuple[bytes, bytes] | None, authority: trustme.CA
) -> None:
    with (
        _server("grpc", authority.issue_cert("127.0.0.1"), authority) as address,
        VisionClient(
            address,
            transport=transport,
            credentials=ApiKey("AQVNkey"),
            root_certificates=authority.cert_pem.bytes(),
            client_certificate=certificate,
        ) as client,
        pytest.raises(TransportError, match=_MAY_ASK),
    ):
        client.batch_analyze(_REQUEST, timeout=20)


def test_no_certificate_is_spoken_of_where_none_can_be_asked_for_or_an_answer_came() -> None:
    error = ConnectionResetError("Connection reset by peer")
    plaintext, encrypted = (
        Attempt(Endpoint("vision.example", 443, plaintext=it_is), Deadline.after(1.0)) for it_is in (True, False)
    )
    assert str(translate(error, plaintext, is_early=True)).endswith(_MAY_SPEAK_TLS)
    assert ";" not in str(translate(error, plaintext))
    assert "certificate" not in str(translate(error, encrypted))
    assert "certificate" in str(translate(error, encrypted, is_early=True))


def test_the_reason_of_a_refusal_after_the_handshake_is_told_when_it_is_read() -> None:
    error = ssl.SSLError("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required")
    told = translate(error, Attempt(Endpoint("vision.example", 443, plaintext=False), Deadline.after(1.0)))
    assert isinstance(told, PathError)
    assert told.lasting
    assert str(told).endswith("; pass client_certificate")


def test_another_name_may_be_expected_of_the_service(
    call: Callable[..., BatchAnalyzeResponse], way: Way, authority: trustme.CA
) -> None:
    with _server(way, authority.issue_cert("vision.example")) as address:
        assert call(address, server_name="vision.example") == _RESPONSE
        with pytest.raises(PathError, match="for another host"):
            call(address, server_name="other.example")
