from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from vision_grpc.auth import Anonymous, ApiKey, IamToken
from vision_grpc.auth.credentials import Credentials
from vision_grpc.errors import AuthError
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.session.settings import Settings


def _resolve(environ: dict[str, str], **arguments: object) -> Settings:
    defaults: dict[str, object] = {
        "endpoint": None, "transport": None, "credentials": None, "folder_id": None, "root_certificates": None,
        "insecure": False,
    }  # fmt: skip
    return Settings.resolve(environ, **{**defaults, **arguments})  # type: ignore[arg-type]


def _endpoint(settings: Settings) -> Endpoint:
    assert isinstance(settings.endpoint, Endpoint)
    return settings.endpoint


def test_nothing_but_a_key_reaches_the_public_service() -> None:
    settings = _resolve({"YC_API_KEY": "key"})
    assert _endpoint(settings).target == "vision.api.cloud.yandex.net:443"
    assert not _endpoint(settings).plaintext
    assert settings.transport == "auto"
    assert settings.credentials.authorization() == "Api-Key key"


def test_arguments_go_before_the_environment() -> None:
    environ = {
        "VISION_GRPC_ENDPOINT": "https://one.example",
        "VISION_GRPC_TRANSPORT": "rest",
        "YC_IAM_TOKEN": "t1",
        "YC_FOLDER_ID": "folder1",
    }
    settings = _resolve(environ)
    assert (_endpoint(settings).host, settings.transport, settings.folder_id) == ("one.example", "rest", "folder1")
    assert settings.credentials.authorization() == "Bearer t1"
    settings = _resolve(
        environ, endpoint="two.example", transport="grpc", credentials=IamToken("t2"), folder_id="folder2"
    )
    assert (_endpoint(settings).host, settings.transport, settings.folder_id) == ("two.example", "grpc", "folder2")
    assert settings.credentials.authorization() == "Bearer t2"


def test_empty_variables_count_as_unset() -> None:
    environ = {"VISION_GRPC_ENDPOINT": "", "VISION_GRPC_TRANSPORT": "", "YC_API_KEY": "", "YC_IAM_TOKEN": "t"}
    assert _resolve(environ).credentials.authorization() == "Bearer t"


def test_a_service_account_sends_the_folder_only_when_told_to() -> None:
    environ = {"YC_API_KEY": "key", "YC_FOLDER_ID": "folder"}
    assert not _resolve(environ).folder_id
    assert _resolve(environ, folder_id="mine").folder_id == "mine"


def test_a_transport_of_ones_own_needs_no_credentials() -> None:
    assert isinstance(_resolve({}, transport=object()).credentials, Anonymous)
    assert _resolve({"YC_API_KEY": "key"}, transport=object()).credentials.authorization() is None
    own = _resolve({}, transport=object(), credentials=ApiKey("mine"))
    assert own.credentials.authorization() == "Api-Key mine"


@pytest.mark.parametrize("environ", [{"VISION_GRPC_ENDPOINT": "http://10.0.0.1"}, {"VISION_GRPC_TRANSPORT": "soap"}])
def test_a_transport_of_ones_own_does_not_care_where_the_environment_leads(environ: dict[str, str]) -> None:
    own = _resolve({**environ, "YC_FOLDER_ID": "folder"}, transport=object(), credentials=IamToken("mine"))
    assert (own.credentials.authorization(), own.folder_id) == ("Bearer mine", "folder")
    told = _resolve({}, transport=object(), credentials=IamToken("mine"), endpoint="http://10.0.0.1")
    assert told.credentials.authorization() == "Bearer mine"


def test_an_unknown_transport_is_refused() -> None:
    with pytest.raises(ValueError, match="'soap' is not one of auto, grpc, rest"):
        _resolve({"VISION_GRPC_TRANSPORT": "soap", "YC_API_KEY": "k"})


def test_without_credentials_only_this_machine_is_called() -> None:
    assert isinstance(_resolve({}, endpoint="localhost:1", insecure=True).credentials, Anonymous)
    with pytest.raises(AuthError, match="set one of YC_API_KEY, YC_IAM_TOKEN"):
        _resolve({})


@pytest.mark.parametrize("credentials", [ApiKey("secret"), IamToken("secret")])
@pytest.mark.parametrize("arguments", [{"endpoint": "10.0.0.1:80", "insecure": True}, {"endpoint": "http://10.0.0.1"}])
def test_secrets_do_not_travel_in_plaintext(credentials: Credentials, arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="plaintext; drop insecure=True or http://") as caught:
        _resolve({}, credentials=credentials, **arguments)
    assert "secret" not in str(caught.value)
    assert _endpoint(_resolve({}, credentials=Anonymous(), **arguments)).plaintext


@pytest.mark.parametrize("kind", [ApiKey, IamToken])
@pytest.mark.parametrize("secret", ["", "  \n", "two words", "line\nbreak", "ключ"])
def test_what_is_no_secret_is_refused_without_repeating_it(kind: type[ApiKey], secret: str) -> None:
    with pytest.raises(ValueError, match=r"is empty|characters that are not allowed") as caught:
        kind(secret)
    assert not secret.strip() or secret not in str(caught.value)


def test_a_bad_variable_is_named() -> None:
    with pytest.raises(AuthError, match="YC_API_KEY: the API key has characters"):
        _resolve({"YC_API_KEY": "two words"})


@pytest.mark.parametrize("credentials", [ApiKey(" secret\n"), IamToken("secret")])
def test_secrets_are_trimmed_and_stay_out_of_repr(credentials: Credentials) -> None:
    assert str(credentials.authorization()).endswith(" secret")
    assert "secret" not in f"{credentials!r} {credentials}"


def _pems(certificate: trustme.LeafCert) -> tuple[bytes, bytes]:
    return b"".join(part.bytes() for part in certificate.cert_chain_pems), certificate.private_key_pem.bytes()


def test_a_client_certificate_is_bytes_or_files_and_stays_out_of_repr(tmp_path: Path) -> None:
    chain, key = _pems(trustme.CA().issue_cert("client@vision.example"))
    (tmp_path / "chain.pem").write_bytes(chain)
    (tmp_path / "key.pem").write_bytes(key)
    for given in ((chain, key), (tmp_path / "chain.pem", str(tmp_path / "key.pem"))):
        settings = _resolve({"YC_API_KEY": "k"}, client_certificate=given)
        assert settings.tls.client_certificate == (chain, key)
        assert (
            "PRIVATE KEY" not in f"{settings!r} {settings.tls.client_certificate!r} {settings.tls.client_certificate}"
        )


@pytest.mark.parametrize(("mode", "warnings"), [(0o600, 0), (0o640, 1)])
def test_a_client_key_that_others_can_read_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, warnings: int
) -> None:
    chain, key = _pems(trustme.CA().issue_cert("client@vision.example"))
    path = tmp_path / "key.pem"
    path.write_bytes(key)
    path.chmod(mode)
    _resolve({"YC_API_KEY": "k"}, client_certificate=(chain, path))
    assert caplog.text.count(f"the client's key {path} can be read by others: chmod 600") == warnings


def test_a_client_certificate_that_is_none_is_refused(tmp_path: Path) -> None:
    authority = trustme.CA()
    chain, key = _pems(authority.issue_cert("client@vision.example"))
    _, other_key = _pems(authority.issue_cert("other@vision.example"))
    encrypted = serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"pass phrase"),
    )
    missing = tmp_path / "missing.pem"
    faults: list[tuple[object, object, str]] = [
        (missing, key, r"the client certificate .*missing\.pem cannot be read .*pass client_certificate as a PEM file"),
        (chain, missing, r"the client's key .*missing\.pem cannot be read"),
        (key, key, "the client certificate: there is no certificate in PEM form"),
        (chain, chain, "the client's key: there is no private key in PEM form"),
        (chain, other_key, "the client's key does not belong to the client certificate"),
        (chain, encrypted, "is encrypted: `openssl pkey` writes it without a pass phrase"),
        (chain, key[:60] + b"\n" + key[-40:], "is broken: OpenSSL cannot read it"),
    ]
    for given_chain, given_key, words in faults:
        with pytest.raises(ValueError, match=words) as caught:
            _resolve({"YC_API_KEY": "k"}, client_certificate=(given_chain, given_key))
        assert "PRIVATE KEY-----\nM" not in str(caught.value)


@pytest.mark.parametrize("option", [{"server_name": "vision.example"}, {"client_certificate": (b"", b"")}])
def test_what_only_tls_has_is_refused_beside_plaintext(option: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:1 is called in plaintext"):
        _resolve({}, endpoint="127.0.0.1:1", insecure=True, **option)


@pytest.mark.parametrize(
    "name", ["", ".example", "vision..example", "a b", "a\0b", "ключ.example", "x" * 64, "[::1]", "a:443", "a/b", "*"]
)
def test_a_server_name_that_no_host_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"the server name .* is not a valid host name"):
        _resolve({}, endpoint="vision.example", credentials=Anonymous(), server_name=name)
    with pytest.raises(TypeError, match="server_name has to be text, not int"):
        _resolve({}, endpoint="vision.example", credentials=Anonymous(), server_name=7)
