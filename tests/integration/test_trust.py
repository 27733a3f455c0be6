"""One verdict on a service's certificate: of calls over gRPC, of calls over REST, and of the doctor."""

import os
import ssl
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import grpc
import pytest
from auth_peers import Reply, always, grpc_server, http_server
from certificates import Certificate, issue
from command_line import run
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from drivers import AsyncDriver, SyncDriver
from images_in_bytes import png
from lying_server import lying_server, tunnel_to
from trust_forms import BAD_FORMS, GOOD_FORMS

from vision_grpc import AuthError, PathError
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.auth import Anonymous, OAuthToken
from vision_grpc.codec.json import to_json
from vision_grpc.doctor import examine
from vision_grpc.errors import SettingError
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureTextDetectionConfig,
)
from vision_grpc.session.settings import Arguments

Way = Literal["grpc", "rest"]
_WAYS: tuple[Way, Way] = ("grpc", "rest")
_TEXT = Feature(type=Feature.TEXT_DETECTION, text_detection_config=FeatureTextDetectionConfig(language_codes=["*"]))
_REQUEST = BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=b"image", features=[_TEXT])])
_RESPONSE = BatchAnalyzeResponse(results=[AnalyzeResult()])
_ROOT = issue("Corp Root CA", is_authority=True)
_ISSUING = issue("Corp Issuing CA", _ROOT, is_authority=True)
_HOSTS = ("127.0.0.1", "localhost")
_LEAF = issue("vision", _ISSUING, hosts=_HOSTS)


class Service(NamedTuple):
    """A service, once over gRPC and once over REST."""

    addresses: Mapping[Way, str]

    def called(self, way: Way, host: str = "127.0.0.1", **options: object) -> str:
        """Return "ok", or what a call says is wrong."""
        try:
            client = SyncDriver(self._options(way, host, options))
            assert client.batch_analyze(_REQUEST, timeout=20) == _RESPONSE
        except (PathError, SettingError) as error:
            return str(error)
        return "ok"

    def examined(self, way: Way, host: str = "127.0.0.1", **options: object) -> str:
        """Return "ok", or what the doctor says is wrong."""
        findings = examine(Arguments(**self._options(way, host, options)), {})
        faults = [f"{finding.message}; {finding.fix}" for finding in findings if finding.state == "fault"]
        return "; ".join(faults) or "ok"

    def verdicts(self, **options: Any) -> list[str]:  # noqa: ANN401
        """Return what calls and the doctor say, over either protocol."""
        return [judge(way, **options) for way in _WAYS for judge in (self.called, self.examined)]

    def _options(self, way: Way, host: str, options: Mapping[str, object]) -> dict[str, Any]:
        address = self.addresses[way].replace("127.0.0.1", host)
        return {"endpoint": address, "transport": way, "credentials": Anonymous(), **options}


@contextmanager
def serve(folder: Path, leaf: Certificate, *chain: Certificate) -> Generator[Service]:
    """Give a service with a certificate, which it sends with the rest of a chain."""
    pem = b"".join(each.pem for each in (leaf, *chain))
    file = folder / "server.pem"
    file.write_bytes(leaf.key_pem + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    tls = grpc.ssl_server_credentials([(leaf.key_pem, pem)])
    wire = _RESPONSE.SerializeToString()
    with (
        grpc_server(lambda _, __: wire, tls, VISION_V1.grpc_path) as over_grpc,
        http_server(always(Reply(200, to_json(_RESPONSE))), context) as over_rest,
    ):
        yield Service({"grpc": over_grpc, "rest": over_rest.removeprefix("https://")})


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serve(tmp_path_factory.mktemp("service"), _LEAF, _ISSUING) as service:
        yield service


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("form", GOOD_FORMS)
def test_any_usual_form_is_trusted(service: Service, form: str) -> None:
    assert service.verdicts(root_certificates=GOOD_FORMS[form](_ROOT)) == ["ok"] * 4


@pytest.mark.parametrize("form", ["empty", "a key", "PKCS#7", "cut short"])
def test_any_other_is_refused_in_the_same_words(service: Service, form: str, tmp_path: Path) -> None:
    write, reason = BAD_FORMS[form]
    file = tmp_path / "roots.pem"
    file.write_bytes(write(_ROOT))
    [verdict] = set(service.verdicts(root_certificates=file))
    assert reason in verdict
    assert str(file) in verdict


_EXPIRED = issue("Corp Root CA", key=_ROOT.key, is_authority=True, days=(-60, -30))
_OWN = issue("vision", hosts=_HOSTS)
_NAMESAKE = issue("Corp Root CA", is_authority=True)
_UNTRUSTED = "its certificate is not trusted here"
_BREAKS_A_RULE = "a certificate in its chain breaks a rule"
_OTHER_HOST = "its certificate is for another host"


class Case(NamedTuple):
    """What a service sends, what a client trusts, and what comes of it."""

    sent: Sequence[Certificate]
    trusted: Sequence[Certificate]
    verdict: str = "ok"
    options: Mapping[str, Any] = {}


def _for(*hosts: str, verdict: str = "ok", days: tuple[int, int] = (-30, 30), **options: object) -> Case:
    return Case([issue("vision.example", _ROOT, hosts=hosts, days=days)], [_ROOT], verdict, options)


CASES = {
    "the root": Case([_LEAF, _ISSUING], [_ROOT]),
    "the root, which is sent too": Case([_LEAF, _ISSUING, _ROOT], [_ROOT]),
    "the issuing authority": Case([_LEAF, _ISSUING], [_ISSUING]),
    "the issuing authority, which is not sent": Case([_LEAF], [_ISSUING]),
    "the issuing authority, and the root is sent": Case([_LEAF, _ISSUING, _ROOT], [_ISSUING]),
    "the certificate itself": Case([_LEAF], [_LEAF]),
    "the certificate itself, and more is sent": Case([_LEAF, _ISSUING], [_LEAF]),
    "the certificate itself among others": Case([_LEAF], [_OWN, _LEAF]),
    "a certificate signed by itself": Case([_OWN], [_OWN]),
    "the root, and the authority between is missing": Case([_LEAF], [_ROOT], _UNTRUSTED),
    "another authority": Case([_LEAF, _ISSUING], [_OWN], _UNTRUSTED),
    "another authority of the same name": Case([_OWN], [issue("vision", hosts=_HOSTS)], _UNTRUSTED),
    "another root of the same name": Case([_LEAF, _ISSUING], [_NAMESAKE], _UNTRUSTED),
    "two roots of the same name": Case([_LEAF, _ISSUING], [_NAMESAKE, _ROOT]),
    "two roots of the same name, the other way round": Case([_LEAF, _ISSUING], [_ROOT, _NAMESAKE]),
    "a certificate for clients": Case(
        [issue("vision", _ROOT, hosts=_HOSTS, uses=[ExtendedKeyUsageOID.CLIENT_AUTH])], [_ROOT], _BREAKS_A_RULE
    ),
    "a certificate issued by one that is no authority's": Case(
        [issue("vision", _OWN, hosts=_HOSTS), issue("vision", _ROOT, key=_OWN.key)], [_ROOT], _BREAKS_A_RULE
    ),
    "an expired root": Case([_LEAF, _ISSUING], [_EXPIRED], "its certificate has expired"),
    "an expired root before its successor": Case([_LEAF, _ISSUING], [_EXPIRED, _ROOT]),
    "an expired root, which is sent": Case([_LEAF, _ISSUING, _EXPIRED], [_ROOT]),
    "an expired certificate": _for("127.0.0.1", days=(-30, -1), verdict="its certificate has expired"),
    "a certificate of tomorrow": _for("127.0.0.1", days=(1, 30), verdict="its certificate is not valid yet"),
    "an address": _for("127.0.0.1"),
    "another address": _for("127.0.0.2", verdict=_OTHER_HOST),
    "a name in place of the address": _for("localhost", verdict=_OTHER_HOST),
    "a name": _for("localhost", host="localhost"),
    "a name in capitals": _for("LOCALHOST", host="localhost"),
    "an address in place of the name": _for("127.0.0.1", host="localhost", verdict=_OTHER_HOST),
    "a name that was given": _for("vision.example", server_name="vision.example"),
    "a given name with a dot at its end": _for("vision.example", server_name="vision.example."),
    "a name with a wildcard": _for("*.vision.example", server_name="ocr.vision.example"),
    "a wildcard for two labels": _for("*.vision.example", server_name="a.ocr.vision.example", verdict=_OTHER_HOST),
    "a wildcard for no label": _for("*.vision.example", server_name="vision.example", verdict=_OTHER_HOST),
    "the common name, without others": _for(server_name="vision.example"),
    "the address as the common name": Case([issue("127.0.0.1", _ROOT)], [_ROOT], _OTHER_HOST),
    "the common name beside others": _for("ocr.example", server_name="vision.example", verdict=_OTHER_HOST),
    "an address of IPv6": _for("::1", server_name="::1"),
}


@pytest.mark.parametrize("case", CASES)
def test_calls_and_the_doctor_agree_on_each_chain_and_name(case: str, tmp_path: Path) -> None:
    sent, trusted, expected, options = CASES[case]
    roots = b"".join(each.pem for each in trusted)
    with serve(tmp_path, *sent) as service:
        verdicts = service.verdicts(root_certificates=roots, **options)
    assert [verdict for verdict in verdicts if expected not in verdict] == []


def test_where_one_library_alone_takes_a_certificate_the_doctor_says_so(tmp_path: Path) -> None:
    # An address in the place of a name: gRPC takes it, OpenSSL does not.
    odd_name = issue("vision", _ROOT, hosts=["DNS:127.0.0.1"])
    with serve(tmp_path, odd_name) as service:
        over_grpc, grpc_examined, over_rest, rest_examined = service.verdicts(root_certificates=_ROOT.pem)
        [warning] = [
            finding.message
            for finding in examine(Arguments(service.addresses["grpc"], root_certificates=_ROOT.pem), {})
            if finding.name == "tls"
        ]
    assert (over_grpc, grpc_examined) == ("ok", "ok")
    assert _OTHER_HOST in over_rest
    assert _OTHER_HOST in rest_examined
    assert warning.startswith("gRPC alone takes the certificate: ")
    # A curve that gRPC does not have.
    odd_key = issue("vision", _ROOT, hosts=_HOSTS, key=ec.generate_private_key(ec.SECP521R1()))
    with serve(tmp_path, odd_key) as service:
        over_grpc, grpc_examined, over_rest, rest_examined = service.verdicts(root_certificates=_ROOT.pem)
    assert (over_rest, rest_examined) == ("ok", "ok")
    assert "was not reached" in over_grpc
    assert "speaks HTTP/2, and gRPC does not get through all the same" in grpc_examined


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "hashed", "plain"])
def test_variables_mean_the_same_to_all(
    service: Service, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ("0a1b2c3d.0" if variable == "hashed" else "corp.pem")
    file.write_bytes(b"\xef\xbb\xbf" + _ROOT.pem)
    name, value = ("SSL_CERT_FILE", file) if variable == "SSL_CERT_FILE" else ("SSL_CERT_DIR", tmp_path)
    monkeypatch.setenv(name, str(value))
    assert service.verdicts() == ["ok"] * 4
    # What is given counts alone.
    assert all(_UNTRUSTED in verdict for verdict in service.verdicts(root_certificates=_OWN.pem))


_ISSUED = "was issued by 'CN=Corp Issuing CA', and is checked against"


def test_who_issued_a_certificate_that_is_not_trusted_is_named(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "roots.pem"
    file.write_bytes(_OWN.pem)
    for verdict in service.verdicts(root_certificates=file):
        assert f"{_ISSUED} the root certificates {file}: " in verdict
        assert "; pass root_certificates or set SSL_CERT_FILE" in verdict
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert all(f"{_ISSUED} SSL_CERT_FILE={file}: " in verdict for verdict in service.verdicts())
    monkeypatch.delenv("SSL_CERT_FILE")
    assert all(_ISSUED in verdict for verdict in service.verdicts())


@pytest.mark.parametrize("transport", ["grpc", "rest", "auto"])
@pytest.mark.parametrize("driver", [SyncDriver, AsyncDriver])
def test_the_issuer_is_named_by_each_client(
    service: Service, transport: str, driver: Callable[..., SyncDriver | AsyncDriver]
) -> None:
    address = service.addresses["rest" if transport == "rest" else "grpc"]
    options = {"transport": transport, "credentials": Anonymous(), "root_certificates": _OWN.pem}
    client = driver({"endpoint": address, **options})
    with pytest.raises(PathError, match=f"{_ISSUED} the root certificates: ") as caught:
        client.batch_analyze(_REQUEST, timeout=20)
    assert caught.value.lasting
    results = client.collect([png(number) for number in range(20)])
    assert {_ISSUED in str(result.error) for result in results} == {True}


@pytest.mark.parametrize("transport", ["grpc", "rest", "auto"])
def test_the_issuer_is_named_on_the_way_to_a_token(
    service: Service, transport: Literal["grpc", "rest", "auto"]
) -> None:
    address = service.addresses["rest" if transport == "rest" else "grpc"]
    token = OAuthToken("y0_token", iam_endpoint=address, transport=transport, root_certificates=_OWN.pem)
    with pytest.raises(AuthError, match=_ISSUED):
        token.authorization()


@pytest.mark.parametrize("way", _WAYS)
def test_who_opens_tls_on_the_way_through_a_proxy_is_named(
    service: Service, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lying_server(tunnel_to(service.addresses[way])) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        elsewhere = Service({way: "vision.example"})
        for verdict in (elsewhere.called(way, root_certificates=_OWN.pem), elsewhere.examined(way)):
            assert _ISSUED in verdict


@pytest.mark.parametrize("way", _WAYS)
def test_the_command_line_names_the_issuer_and_the_flag(service: Service, way: Way, tmp_path: Path) -> None:
    for name, content in (("roots.pem", _OWN.pem), ("image.png", png(1))):
        (tmp_path / name).write_bytes(content)
    options = ["--endpoint", service.addresses[way], "--transport", way, "--anonymous"]
    trust = ["--root-certificates", tmp_path / "roots.pem"]
    told = run("analyze", *options, *trust, tmp_path / "image.png")
    assert told.code == 2
    assert _ISSUED in told.complaints[0]
    assert told.complaints[0].endswith("; pass --root-certificates or set SSL_CERT_FILE")
    told = run("doctor", *options, *trust)
    assert told.code == 1
    assert _ISSUED in told.text
    assert "fix: pass --root-certificates (in Python: root_certificates) or set SSL_CERT_FILE" in told.text
    told = run("analyze", *options, "--root-certificates", tmp_path, tmp_path / "image.png")
    assert told.code == 2
    assert f"the root certificates {tmp_path} cannot be read (Is a directory); pass --root-cert" in told.stderr


def test_a_pipe_that_can_be_read_once_is_enough_for_the_command_line(service: Service, tmp_path: Path) -> None:
    pipe = tmp_path / "roots"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(_ROOT.pem,), daemon=True)
    writer.start()
    options = ["--endpoint", service.addresses["grpc"], "--transport", "grpc", "--anonymous"]
    told = run("doctor", *options, "--root-certificates", pipe)
    writer.join(30)
    assert told.code == 0, told.text
    assert "the root certificates (1 certificate)" in told.text
