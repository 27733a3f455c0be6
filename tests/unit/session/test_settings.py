from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from vision_grpc.auth import Anonymous, ApiKey, IamToken, MetadataService
from vision_grpc.auth.credentials import Credentials
from vision_grpc.errors import AuthError, SettingError
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


@pytest.mark.parametrize("around", ["{}\n", "{}\r\n", " {} ", "\ufeff{}", '"{}"', "'{}'\n", "\u00a0{}\u200b", "\t{}"])
def test_all_variables_and_arguments_are_cleaned_alike(around: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision_grpc.auth.default._is_cloud_machine", lambda: False)
    environ = {
        "VISION_GRPC_ENDPOINT": around.format("one.example:1"),
        "VISION_GRPC_TRANSPORT": around.format("rest"),
        "VISION_GRPC_IAM_ENDPOINT": around.format("iam.example:1"),
        "YC_FOLDER_ID": around.format("b1gabc"),
    }
    for variable, value in {"YC_IAM_TOKEN": "t1.abc", "YC_TOKEN": "t1.abc", "YC_OAUTH_TOKEN": "y0_abc"}.items():
        settings = _resolve({**environ, variable: around.format(value)})
        assert (_endpoint(settings).target, settings.transport, settings.folder_id) == (
            "one.example:1",
            "rest",
            "b1gabc",
        )
        if variable != "YC_OAUTH_TOKEN":
            assert settings.credentials.authorization() == "Bearer t1.abc"
    assert _resolve({"YC_API_KEY": around.format("AQVN")}).credentials.authorization() == "Api-Key AQVN"
    assert isinstance(
        _resolve({"YC_METADATA_ADDR": around.format("127.0.0.1:1"), "HOME": "/nowhere"}).credentials, MetadataService
    )
    given = _resolve(
        {},
        endpoint=around.format("two.example:2"),
        transport=around.format("grpc"),
        folder_id=around.format("b1gdef"),
        credentials=IamToken(around.format("t1.abc")),
    )
    assert (_endpoint(given).target, given.transport, given.folder_id) == ("two.example:2", "grpc", "b1gdef")
    assert given.credentials.authorization() == "Bearer t1.abc"


def test_a_server_name_is_cleaned() -> None:
    settings = _resolve({"YC_IAM_TOKEN": "t"}, server_name="'vision.example'\r\n")
    assert settings.tls.server_name == "vision.example"


@pytest.mark.parametrize("blank", [" ", "\n", '""', "\ufeff", "\u00a0"])
def test_variables_of_blanks_alone_count_as_unset(blank: str) -> None:
    names = ["VISION_GRPC_ENDPOINT", "VISION_GRPC_TRANSPORT", "VISION_GRPC_IAM_ENDPOINT", "YC_FOLDER_ID", "YC_API_KEY"]
    settings = _resolve({**dict.fromkeys(names, blank), "YC_IAM_TOKEN": "t1.abc"})
    assert _endpoint(settings).target == "vision.api.cloud.yandex.net:443"
    assert (settings.transport, settings.folder_id) == ("auto", "")
    assert settings.credentials.authorization() == "Bearer t1.abc"


@pytest.mark.parametrize("inside", ["\n", "\r", "\t", "\x1b", "\u200b", "\udce9"])
@pytest.mark.parametrize("variable", ["VISION_GRPC_ENDPOINT", "VISION_GRPC_TRANSPORT", "YC_FOLDER_ID"])
def test_a_control_character_inside_a_variable_is_refused_by_its_name(variable: str, inside: str) -> None:
    with pytest.raises(SettingError, match=f"^{variable}: there is an? .* inside, at character 3") as caught:
        _resolve({"YC_IAM_TOKEN": "t1.abc", variable: f"ab{inside}cd"})
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("YC_API_KEY", "AQ\nVN", "the API key has characters .*a line end inside"),
        ("YC_API_KEY", "Api-Key AQVN", "the API key begins with 'Api-Key', as in a header"),
        ("YC_IAM_TOKEN", "Bearer t1.abc", "the IAM token begins with 'Bearer'"),
        ("YC_IAM_TOKEN", "Authorization: Bearer t1.abc", "the IAM token begins with 'Authorization:'"),
        ("YC_OAUTH_TOKEN", '"y0_abc', "the OAuth token has characters"),
    ],
)
def test_a_secret_that_no_cleaning_helps_is_named_by_its_variable(variable: str, value: str, told: str) -> None:
    with pytest.raises(AuthError, match=f"^{variable}: {told}"):
        _resolve({variable: value})


@pytest.mark.parametrize("folder_id", ["b1g\nabc", "b1g abc", "b1g\x00"])
def test_a_folder_that_no_folder_can_have_is_refused(folder_id: str) -> None:
    with pytest.raises(SettingError, match=r"^the folder id: there is a.* inside"):
        _resolve({"YC_IAM_TOKEN": "t"}, folder_id=folder_id)


def test_a_setting_in_an_error_is_bounded() -> None:
    for arguments in ({"transport": "x" * 100_000}, {"endpoint": "x" * 100_000}, {"folder_id": "x \n" * 100_000}):
        with pytest.raises(SettingError) as caught:
            _resolve({"YC_IAM_TOKEN": "t"}, **arguments)
        assert len(str(caught.value)) < 600


@pytest.mark.parametrize("token", ["AQVN" + "x" * 30, "t1." + "x" * 40, "y0_" + "x" * 40])
def test_a_token_in_place_of_an_endpoint_is_not_looked_up(token: str) -> None:
    with pytest.raises(SettingError, match="characters that do not look like an address"):
        _resolve({"YC_IAM_TOKEN": "t"}, endpoint=token)
