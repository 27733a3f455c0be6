"""What the doctor finds, and the fixes it names."""

import io
import json
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import grpc
import pytest
import trustme
from auth_peers import Reply, always, grpc_server, http_server
from command_line import finish, read_line, run, start
from held_port import held_port
from lying_server import Lie, accept_alone, lying_server, read_request, tunnel_to

from vision_grpc.auth import Anonymous, ApiKey, Credentials, OAuthToken
from vision_grpc.doctor import Finding, examine
from vision_grpc.local import Identities, LocalVision
from vision_grpc.session.settings import Arguments


@pytest.fixture(scope="module")
def identities() -> Identities:
    return Identities()


@pytest.fixture(scope="module")
def vision(identities: Identities) -> Iterator[LocalVision]:
    with LocalVision(identities=identities) as vision:
        yield vision


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def _examine(
    arguments: Arguments, environ: Mapping[str, str] | None = None, *, call: bool = False, timeout_s: float = 10
) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(arguments, environ or {}, call=call, timeout_s=timeout_s)}


def _faults(findings: Mapping[str, Finding]) -> list[str]:
    return [name for name, finding in findings.items() if finding.state == "fault"]


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_good_service_has_no_faults(vision: LocalVision, identities: Identities, transport: str) -> None:
    endpoint = vision.grpc_endpoint if transport == "grpc" else vision.rest_endpoint
    arguments = Arguments(endpoint=endpoint, transport=transport, insecure=True)  # type: ignore[arg-type]
    findings = _examine(arguments, {"YC_API_KEY": identities.api_key}, call=True)
    assert _faults(findings) == []
    assert findings["endpoint"].message.endswith(f"without TLS (as given), transport {transport}, API vision/v1")
    assert findings["credentials"].message == "ApiKey, from YC_API_KEY"
    assert findings["folder"].message == "none is sent: the service uses the folder of the service account"
    assert findings["call"].message.startswith("answered after")
    spoken = findings["http2" if transport == "grpc" else "http"].message.partition(" speaks ")[2]
    assert spoken.startswith("HTTP/2" if transport == "grpc" else "HTTP/1.1")
    assert identities.api_key not in f"{findings}"


def test_a_closed_port(identities: Identities) -> None:
    with held_port() as port:
        arguments = Arguments(endpoint=f"http://127.0.0.1:{port}")
        findings = _examine(arguments, {"YC_API_KEY": identities.api_key}, call=True)
    assert _faults(findings) == ["port"]
    assert "takes no connections: Connection refused" in findings["port"].message
    assert findings["port"].fix == "start the service, or correct host and port"
    assert "credentials" in findings
    assert "call" not in findings


def test_a_host_that_nobody_knows() -> None:
    findings = _examine(Arguments(endpoint="vision.invalid"), {"YC_API_KEY": "k"})
    assert _faults(findings) == ["address"]


def test_a_plaintext_port(vision: LocalVision) -> None:
    for endpoint in (vision.grpc_endpoint, vision.rest_endpoint.removeprefix("http://")):
        findings = _examine(Arguments(endpoint=endpoint))
        assert _faults(findings) == ["tls"]
        assert "does not speak TLS" in findings["tls"].message
        assert "insecure=True" in str(findings["tls"].fix)


def _server_context(authority: trustme.CA, host: str, not_after: datetime | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host, not_after=not_after).configure_cert(context)
    return context


def test_a_tls_port_without_tls(authority: trustme.CA) -> None:
    with http_server(always(Reply(200, b"")), _server_context(authority, "127.0.0.1")) as url:
        findings = _examine(Arguments(endpoint=url.removeprefix("https://"), insecure=True), timeout_s=20)
    assert _faults(findings) == ["tls"]
    assert "drop insecure=True" in str(findings["tls"].fix)


@pytest.mark.parametrize(
    ("host", "trusted", "days", "message", "fix"),
    [
        ("127.0.0.1", False, 30, "is not trusted here", "root_certificates"),
        (
            "other.example",
            True,
            30,
            "its certificate is for another host",
            "a name that is in the certificate, or pass server_name to expect one of those",
        ),
        ("127.0.0.1", True, -1, "has expired", "renew it"),
    ],
    ids=["untrusted", "other host", "expired"],
)
def test_a_wrong_certificate(
    authority: trustme.CA, tmp_path: Path, host: str, *, trusted: bool, days: int, message: str, fix: str
) -> None:
    roots = tmp_path / "roots.pem"
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(roots)
    context = _server_context(authority, host, not_after=datetime.now(UTC) + timedelta(days=days))
    with http_server(always(Reply(200, b"")), context) as url:
        findings = _examine(Arguments(endpoint=url, root_certificates=roots), {"YC_API_KEY": "k"})
    assert _faults(findings) == ["tls"]
    assert message in findings["tls"].message
    assert fix in str(findings["tls"].fix)


def test_a_good_certificate_is_named_with_its_issuer(authority: trustme.CA) -> None:
    roots = io.BytesIO(authority.cert_pem.bytes()).getvalue()
    context = _server_context(authority, "127.0.0.1", not_after=datetime.now(UTC) + timedelta(days=3))
    with http_server(always(Reply(200, b"")), context) as url:
        findings = _examine(Arguments(endpoint=url, root_certificates=roots), {"YC_API_KEY": "k"})
        strict = _examine(Arguments(endpoint=url, root_certificates=roots, transport="grpc"), {"YC_API_KEY": "k"})
    assert (findings["tls"].state, findings["http2"].state) == ("warning", "warning")
    assert "issued by trustme" in findings["tls"].message
    assert _faults(strict) == ["http2"]
    assert strict["http2"].fix == 'pass transport="auto", or correct the port'


def test_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    findings = _examine(Arguments(endpoint="vision.invalid"), {"YC_TOKEN": ""})
    assert "credentials" in _faults(findings)
    assert "no credentials in the environment (YC_TOKEN empty)" in findings["credentials"].message


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [("key", "call", "the service refused the API key"), ("token", "token", "refused to give a token")],
)
def test_credentials_that_are_refused(vision: LocalVision, kind: str, name: str, message: str) -> None:
    credentials: Credentials = ApiKey("AQVNwrong")
    if kind == "token":
        credentials = OAuthToken("y0_wrong", iam_endpoint=vision.rest_endpoint, transport="rest")
    findings = _examine(Arguments(endpoint=vision.grpc_endpoint, insecure=True, credentials=credentials), call=True)
    assert _faults(findings) == [name]
    assert message in findings[name].message
    assert "wrong" not in f"{findings}"


def test_a_clock_that_is_an_hour_off() -> None:
    there = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    with http_server(always(Reply(200, b"", date=there))) as url:
        findings = _examine(Arguments(endpoint=url), {})
    assert findings["clock"].state == "fault"
    assert "s behind the service's clock" in findings["clock"].message


def test_a_user_without_a_folder_is_warned(vision: LocalVision) -> None:
    arguments = Arguments(endpoint=vision.grpc_endpoint, insecure=True)
    assert _examine(arguments, {"YC_IAM_TOKEN": "t1.x"})["folder"].state == "warning"
    assert _examine(arguments, {"YC_IAM_TOKEN": "t1.x", "YC_FOLDER_ID": "b1g"})["folder"].message == (
        "b1g is sent, from YC_FOLDER_ID"
    )


def test_what_was_removed_from_variables_is_said(vision: LocalVision) -> None:
    environ = {
        "VISION_GRPC_ENDPOINT": f"\ufeffhttp://{vision.grpc_endpoint}\r\n",
        "VISION_GRPC_TRANSPORT": "'grpc'",
        "YC_IAM_TOKEN": "t1.SECRET\n",
        "YC_FOLDER_ID": " b1gabc\n",
        "VISION_GRPC_IAM_ENDPOINT": "iam.example\r",
    }
    findings = _examine(Arguments(), environ)
    assert _faults(findings) == []
    assert findings["endpoint"].message == (
        f"{vision.grpc_endpoint} without TLS (from VISION_GRPC_ENDPOINT, "
        "a byte order mark and a line end were removed), "
        "transport grpc, API vision/v1 (from VISION_GRPC_TRANSPORT, quotation marks were removed)"
    )
    assert findings["credentials"].message == (
        "IamToken, from YC_IAM_TOKEN (a line end was removed); VISION_GRPC_IAM_ENDPOINT: a line end was removed"
    )
    assert findings["folder"].message == "b1gabc is sent, from YC_FOLDER_ID (blanks and a line end were removed)"


@pytest.mark.parametrize("variable", ["VISION_GRPC_ENDPOINT", "VISION_GRPC_TRANSPORT", "YC_FOLDER_ID"])
def test_a_variable_that_cannot_be_cleaned_is_named(vision: LocalVision, variable: str) -> None:
    environ = {"YC_IAM_TOKEN": "t1.x", "VISION_GRPC_ENDPOINT": f"http://{vision.grpc_endpoint}", variable: "a\tb"}
    findings = _examine(Arguments(), environ)
    assert findings["settings"].message == f"{variable}: there is a tab inside, at character 2"
    assert findings["settings"].fix == f"correct {variable} or unset it"


def test_a_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://me:SECRET@proxy.example:3128")
    findings = _examine(Arguments(endpoint="vision.invalid"), {"YC_API_KEY": "k"}, timeout_s=0.2)
    assert "proxy.example:3128" in findings["proxy"].message
    assert "SECRET" not in f"{findings}"
    assert "port" not in findings


def test_what_stays_on_this_machine_passes_no_proxy(monkeypatch: pytest.MonkeyPatch, vision: LocalVision) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    findings = _examine(Arguments(endpoint=vision.rest_endpoint))
    assert _faults(findings) == []
    assert findings["proxy"].message.startswith("none")
    assert "port" in findings


def test_a_malformed_setting_ends_it() -> None:
    findings = _examine(Arguments(endpoint="a b"))
    assert list(findings) == _faults(findings) == ["settings"]


def test_the_command_prints_lines_and_json(vision: LocalVision, identities: Identities) -> None:
    variables = {"YC_API_KEY": identities.api_key}
    options = ["--endpoint", vision.grpc_endpoint, "--insecure", "--call"]
    told = run("doctor", *options, variables=variables)
    assert (told.code, told.stderr) == (0, "")
    assert "  credentials  ApiKey, from YC_API_KEY" in told.text.splitlines()
    findings = run("doctor", "--json", *options, variables=variables).objects
    assert {finding["state"] for finding in findings} == {"ok"}
    broken = run("doctor", "--endpoint", vision.grpc_endpoint, variables=variables)
    assert broken.code == 1
    assert (
        "fix: correct the port, or pass --insecure (in Python: insecure=True) if a service without TLS is meant"
        in broken.text
    )


def test_a_served_service_lets_in_whoever_has_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    process = start("serve", "--require-auth", folder, "--token-lifetime", "30")
    try:
        line = json.loads(read_line(process))
        iam = {"VISION_GRPC_IAM_ENDPOINT": f"http://{line['grpc_endpoint']}"}
        options = ["doctor", "--call", "--json", "--endpoint", line["grpc_endpoint"], "--insecure"]
        for variables in (
            {"YC_SERVICE_ACCOUNT_KEY_FILE": str(folder / "key.json"), **iam},
            {"YC_TOKEN": (folder / "oauth-token").read_text(), "YC_FOLDER_ID": "b1g", **iam},
            {"YC_API_KEY": (folder / "api-key").read_text()},
        ):
            told = run(*options, variables=variables)
            assert told.code == 0, told.text
            assert told.objects[-1]["name"] == "call"
        refused = run(*options)
        assert refused.code == 1
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    finally:
        process.terminate()
        finish(process)


@pytest.mark.parametrize("transport", ["auto", "grpc", "rest"])
@pytest.mark.parametrize("insecure", [True, False])
def test_a_port_that_never_answers(transport: str, *, insecure: bool) -> None:
    with lying_server(accept_alone) as server:
        arguments = Arguments(endpoint=server.address, transport=transport, insecure=insecure)  # type: ignore[arg-type]
        findings = _examine(arguments, timeout_s=0.2)
    [name] = _faults(findings)
    assert re.search(r"does not answer|no answer from \S+ within", findings[name].message)
    assert "check whether the service hangs" in str(findings[name].fix)


@pytest.mark.parametrize("transport", ["auto", "grpc", "rest"])
@pytest.mark.parametrize("way", ["grpc", "rest"])
@pytest.mark.parametrize("is_known", [None, False, True], ids=["none", "stranger", "known"])
def test_a_service_that_asks_for_a_client_certificate(
    authority: trustme.CA, transport: str, way: str, *, is_known: bool | None
) -> None:
    known = {False: trustme.CA(), True: authority}
    pair = None if is_known is None else _pair(known[is_known].issue_cert("client@vision.example"))
    roots = authority.cert_pem.bytes()
    with _service_for_known_clients(authority, way) as address:
        findings = _examine(
            Arguments(
                endpoint=address,
                transport=transport,  # type: ignore[arg-type]
                root_certificates=roots,
                client_certificate=pair,
            ),
            {"YC_API_KEY": "AQVNkey"},
            timeout_s=20,
        )
    faults = _faults(findings)
    if is_known and transport in {"auto", way}:
        assert faults == []
        return
    assert len(faults) == 1
    fix = str(findings[faults[0]].fix)
    # One that asks over another protocol is not understood at all.
    assert "client_certificate" in fix or way != transport
    if is_known is False and faults == ["tls"]:
        assert "trust" in fix


def _pair(certificate: trustme.LeafCert) -> tuple[bytes, bytes]:
    return b"".join(part.bytes() for part in certificate.cert_chain_pems), certificate.private_key_pem.bytes()


@contextmanager
def _service_for_known_clients(authority: trustme.CA, way: str) -> Iterator[str]:
    own = authority.issue_cert("127.0.0.1")
    if way == "grpc":
        chain, key = _pair(own)
        tls = grpc.ssl_server_credentials([(key, chain)], authority.cert_pem.bytes(), require_client_auth=True)
        with grpc_server(lambda wire, _: wire, tls) as address:
            yield address
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with http_server(always(Reply(200, b"")), context) as url:
        yield url.removeprefix("https://")


def test_rest_at_a_port_for_grpc_alone() -> None:
    with grpc_server(lambda wire, _: wire) as address:
        findings = _examine(Arguments(endpoint=address, transport="rest", insecure=True))
    assert _faults(findings) == ["http"]
    assert "no answer over HTTP/1.1" in findings["http"].message
    assert findings["http"].fix == 'correct the port, or pass transport="grpc" if the port is for gRPC only'


def test_a_port_without_http2_that_was_given_as_a_url() -> None:
    with http_server(always(Reply(200, b""))) as url:
        findings = _examine(Arguments(endpoint=url))
    assert findings["http2"].state == "warning"
    assert findings["http2"].fix == 'correct the port if gRPC is meant, or pass transport="rest"'


def test_a_service_that_wants_credentials_and_got_none(vision: LocalVision) -> None:
    findings = _examine(Arguments(endpoint=vision.grpc_endpoint, insecure=True), call=True)
    assert _faults(findings) == ["call"]
    assert findings["call"].message.startswith("no credentials were sent: UNAUTHENTICATED")
    assert "YC_API_KEY" in str(findings["call"].fix)


def test_credentials_that_cannot_be_used_are_named_in_the_fix() -> None:
    with http_server(always(Reply(200, b""))) as url:
        malformed = _examine(Arguments(endpoint=url), {"YC_SERVICE_ACCOUNT_KEY_FILE": "/nowhere/key.json"})
        plaintext = _examine(Arguments(endpoint="http://vision.invalid"), {"YC_API_KEY": "AQVNkey"})
    assert malformed["credentials"].fix == "correct YC_SERVICE_ACCOUNT_KEY_FILE, or unset it"
    assert plaintext["credentials"].fix == "drop insecure=True or http://, or pass credentials=Anonymous()"


def _reply(answer: bytes) -> Lie:
    def lie(connection: socket.socket, _: object) -> None:
        read_request(connection)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    return lie


@pytest.mark.parametrize("transport", ["auto", "grpc", "rest"])
@pytest.mark.parametrize(
    ("answer", "message", "fix"),
    [
        (b"HTTP/1.1 407 Who?\r\n\r\n", "wants a name and password", "https_proxy=http://name:password@127.0.0.1:"),
        (b"HTTP/1.1 403 No\r\n\r\n", "answers CONNECT vision.invalid:443 with HTTP 403", "NO_PROXY=vision.invalid"),
        (b"SSH-2.0-OpenSSH\r\n", "with something that is not HTTP", "correct https_proxy"),
    ],
    ids=["stranger", "forbidden", "no proxy"],
)
def test_a_proxy_that_refuses(
    monkeypatch: pytest.MonkeyPatch, transport: str, answer: bytes, message: str, fix: str
) -> None:
    with lying_server(_reply(answer)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:SECRET@{proxy.address}")
        arguments = Arguments(endpoint="vision.invalid", transport=transport)  # type: ignore[arg-type]
        findings = _examine(arguments, {"YC_API_KEY": "k"}, call=True, timeout_s=20)
    assert _faults(findings) == ["proxy"]
    assert message in findings["proxy"].message
    assert fix in str(findings["proxy"].fix)
    assert "SECRET" not in f"{findings}"
    assert "call" not in findings


@pytest.mark.parametrize("scheme", ["foo", "socks5"])
def test_a_proxy_of_a_kind_that_is_not_supported(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    with lying_server(accept_alone) as proxy:
        monkeypatch.setenv("https_proxy", f"{scheme}://me:SECRET@{proxy.address}")
        findings = _examine(Arguments(endpoint="vision.invalid", transport="rest"), {"YC_API_KEY": "k"}, timeout_s=20)
    assert _faults(findings) == ["proxy"]
    assert "cannot be used" in findings["proxy"].message
    assert findings["proxy"].fix == "name one as http://host:port, or set NO_PROXY=vision.invalid to connect directly"
    assert "SECRET" not in f"{findings}"


@pytest.mark.parametrize("transport", ["auto", "grpc", "rest"])
@pytest.mark.parametrize("endpoint", ["vision.invalid", "http://vision.invalid"])
def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch, transport: str, endpoint: str) -> None:
    with held_port() as port:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        arguments = Arguments(endpoint=endpoint, transport=transport, credentials=Anonymous())  # type: ignore[arg-type]
        findings = _examine(arguments)
    assert _faults(findings) == ["proxy"]
    assert f"the proxy 127.0.0.1:{port} takes no connections: Connection refused" in findings["proxy"].message
    assert "clock" not in findings


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (Arguments(endpoint="vision.invalid", credentials=Anonymous()), "none, as given"),
        (
            Arguments(endpoint="127.0.0.1:1", insecure=True),
            "none: a service on this machine is called without credentials",
        ),
    ],
)
def test_the_finding_says_why_no_credentials_are_sent(arguments: Arguments, message: str) -> None:
    assert _examine(arguments)["credentials"].message == message


def test_a_service_behind_a_proxy_is_examined_through_its_tunnel(
    monkeypatch: pytest.MonkeyPatch, authority: trustme.CA
) -> None:
    context = _server_context(authority, "vision.invalid")
    context.set_alpn_protocols(["http/1.1"])
    with http_server(always(Reply(200, b"")), context) as url, lying_server(tunnel_to(url)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        roots = authority.cert_pem.bytes()
        findings = _examine(Arguments(endpoint="vision.invalid", root_certificates=roots), {"YC_API_KEY": "k"})
        strangers = _examine(Arguments(endpoint="vision.invalid"), {"YC_API_KEY": "k"})
    assert _faults(findings) == []
    assert "through the proxy 127.0.0.1:" in findings["port"].message
    assert findings["clock"].message.startswith("within")
    assert _faults(strangers) == ["tls"]
