import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from vision_grpc.auth import (
    Anonymous,
    ApiKey,
    Credentials,
    IamToken,
    MetadataService,
    OAuthToken,
    ServiceAccountKey,
    YcProfile,
    default,
    default_credentials,
)
from vision_grpc.auth.default import find_credentials, find_surroundings, missing_credentials
from vision_grpc.errors import AuthError
from vision_grpc.network.tls import read_client_certificate
from vision_grpc.session.settings import Settings

_PEM = (
    rsa.generate_private_key(65537, 2048)
    .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    .decode()
)
_KEY = {"id": "ajekey", "service_account_id": "ajeaccount", "private_key": _PEM}
_SECRETS = ("SECRET", _PEM.splitlines()[3])


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(_KEY), encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture
def config(tmp_path: Path, key_file: Path) -> Path:
    path = tmp_path / "config.yaml"
    profiles = {
        "user": "    token: y0_SECRET\n    folder-id: b1gmine\n    endpoint: api.example:443\n",
        "iam": "    token: t1.SECRET\n",
        "file": f"    service-account-key: {key_file}\n",
        "robot": "    service-account-key:\n"
        + "".join(f"      {name}: {json.dumps(value)}\n" for name, value in _KEY.items()),
        "federated": "    federation-id: f\n",
        "odd": "    token: SECRET two words\n",
    }
    text = "current: user\nprofiles:\n" + "".join(f"  {name}:\n{fields}" for name, fields in profiles.items())
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("environ", "kind"),
    [
        ({"YC_API_KEY": "SECRET", "YC_IAM_TOKEN": "t1.x"}, ApiKey),
        ({"YC_IAM_TOKEN": "t1.SECRET", "YC_OAUTH_TOKEN": "y0_x"}, IamToken),
        ({"YC_OAUTH_TOKEN": "y0_SECRET", "YC_TOKEN": "t1.x"}, OAuthToken),
        ({"YC_TOKEN": "t1.SECRET"}, IamToken),
        ({"YC_TOKEN": "y0_SECRET"}, OAuthToken),
        ({"YC_API_KEY": "", "YC_TOKEN": "y0_SECRET"}, OAuthToken),
    ],
)
def test_the_environment_is_taken_in_its_order(environ: dict[str, str], kind: type) -> None:
    credentials = find_credentials(environ)
    assert type(credentials) is kind


def test_a_key_file_goes_before_user_tokens(key_file: Path) -> None:
    environ = {"YC_SERVICE_ACCOUNT_KEY_FILE": str(key_file), "YC_OAUTH_TOKEN": "y0_x"}
    assert type(find_credentials(environ)) is ServiceAccountKey


def test_the_environment_goes_before_the_profile_and_that_before_the_machine(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in default.VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("YC_METADATA_ADDR", "127.0.0.1:1")
    monkeypatch.setenv("YC_API_KEY", "SECRET")
    assert type(default_credentials(config=config)) is ApiKey
    monkeypatch.delenv("YC_API_KEY")
    assert type(default_credentials(config=config)) is YcProfile
    assert type(default_credentials(config=config.with_name("none"))) is MetadataService
    monkeypatch.delenv("YC_METADATA_ADDR")
    monkeypatch.setattr(default, "_VENDOR", config.with_name("none"))
    with pytest.raises(AuthError, match="no credentials"):
        default_credentials(config=config.with_name("none"))


def test_a_profile_without_a_secret_leaves_it_to_the_machine(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("current: me\nprofiles:\n  me:\n    folder-id: b1g\n", encoding="utf-8")
    monkeypatch.setattr(default, "_VENDOR", config.with_name("none"))
    assert isinstance(find_surroundings({"YC_METADATA_ADDR": "127.0.0.1:1"}, config=config), MetadataService)
    with pytest.raises(AuthError, match="has neither token nor service-account-key"):
        find_surroundings({}, config=config)
    config.with_name("vendor").write_text("Yandex", encoding="utf-8")
    monkeypatch.setattr(default, "_VENDOR", config.with_name("vendor"))
    assert isinstance(find_surroundings({}, config=config), MetadataService)


@pytest.mark.parametrize("make", [ApiKey, IamToken, OAuthToken, ServiceAccountKey])
@pytest.mark.parametrize("value", [None, b"SECRET", 7, ["SECRET"]])
def test_what_is_no_text_is_a_clear_type_error(make: Callable[[object], Credentials], value: object) -> None:
    with pytest.raises(TypeError, match=rf"^the .* has to be a .*, not {type(value).__name__}$"):
        make(value)


@pytest.mark.parametrize("given", ["x.pem", b"SECRET", ("x.pem",), ("x.pem", None), ("a", "b", "c")])
def test_a_client_certificate_that_is_no_pair_is_a_clear_type_error(given: object) -> None:
    with pytest.raises(TypeError, match=r"^client_certificate has to be a pair: the chain and the key"):
        read_client_certificate(given)


@pytest.mark.parametrize(("vendor", "found"), [("Yandex\n", True), ("QEMU\n", False), ("\xff", False)])
def test_a_machine_of_the_cloud_is_known_by_its_vendor(
    vendor: str, *, found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "vendor"
    path.write_text(vendor, encoding="latin-1")
    monkeypatch.setattr(default, "_VENDOR", path)
    assert isinstance(find_surroundings({}, config=tmp_path / "none"), MetadataService) is found


def test_what_was_looked_at_is_said(tmp_path: Path) -> None:
    message = str(missing_credentials({"YC_TOKEN": ""}, config=tmp_path / "config.yaml"))
    for part in (*default.VARIABLES, "YC_TOKEN empty", str(tmp_path / "config.yaml"), "yc init", "YC_METADATA_ADDR"):
        assert part in message


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"YC_OAUTH_TOKEN": "SECRET two"}, "YC_OAUTH_TOKEN: the OAuth token has characters"),
        ({"YC_TOKEN": "t1.SECRET two"}, "YC_TOKEN: the IAM token has characters"),
        ({"YC_SERVICE_ACCOUNT_KEY_FILE": "/none"}, "YC_SERVICE_ACCOUNT_KEY_FILE: the key file /none cannot be read"),
        ({"YC_OAUTH_TOKEN": "SECRET", "VISION_GRPC_IAM_ENDPOINT": "http://10.0.0.1"}, "refusing to send credentials"),
        ({"YC_METADATA_ADDR": "a b"}, "YC_METADATA_ADDR: the endpoint"),
    ],
)
def test_an_unusable_variable_is_an_error_that_names_it(environ: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(AuthError, match=message) as caught:
        _ = find_credentials(environ) or find_surroundings(environ, config=tmp_path / "none")
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "kind", "is_service_account"),
    [
        (None, "OAuthToken", False),
        ("user", "OAuthToken", False),
        ("iam", "IamToken", False),
        ("file", "ServiceAccountKey", True),
        ("robot", "ServiceAccountKey", True),
    ],
)
def test_profiles(config: Path, name: str | None, kind: str, *, is_service_account: bool) -> None:
    profile = YcProfile(name, path=config)
    assert (profile.name, profile.kind) == (name or "user", kind)
    assert profile.is_service_account is is_service_account
    expected = ("b1gmine", "api.example:443") if profile.name == "user" else (None, None)
    assert (profile.folder_id, profile.endpoint) == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("federated", "federated users have none.*yc iam create-token"),
        ("odd", "the profile 'odd' in .*: the OAuth token has characters"),
        ("none", "has no profile 'none', only user, iam, file, robot, federated, odd"),
    ],
)
def test_profiles_that_cannot_be_used(config: Path, name: str, message: str) -> None:
    with pytest.raises(AuthError, match=message) as caught:
        YcProfile(name, path=config)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "mode", "warnings"),
    [("user", 0o644, 1), ("iam", 0o640, 1), ("robot", 0o604, 1), ("text", 0o644, 1), ("file", 0o644, 0),
     ("user", 0o600, 0)],
)  # fmt: skip
def test_a_configuration_with_a_secret_that_others_can_read_is_warned_of(
    config: Path, caplog: pytest.LogCaptureFixture, name: str, mode: int, warnings: int
) -> None:
    with config.open("a", encoding="utf-8") as file:
        file.write(f"  text:\n    service-account-key: '{json.dumps(_KEY)}'\n")
    config.chmod(mode)
    YcProfile(name, path=config)
    assert caplog.text.count(f"the configuration of yc in {config} can be read by others: chmod 600 ") == warnings


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"cannot be read \(No such file or directory\): run `yc init`"),
        (b"\xff\xfeSECRET", "is not understood: it is no UTF-8 text"),
        (b"current: [SECRET]", "is not understood: line 1"),
        (b"", "has no current profile: run `yc init`"),
        (b"current: a\nprofiles: SECRET\n", "has no current profile"),
        (b"profiles:\n  a:\n    token: SECRET\n", "has no current profile"),
    ],
)
def test_configurations_that_cannot_be_used(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AuthError, match=message) as caught:
        YcProfile(path=path)
    assert "SECRET" not in f"{caught.value} {caught.value.__cause__}"


def test_the_profiles_folder_is_sent_for_a_user_unless_another_is_named(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def folder(environ: dict[str, str], credentials: Credentials) -> str:
        return Settings.resolve(
            environ, endpoint=None, transport=None, credentials=credentials, folder_id=None,
            root_certificates=None, insecure=False,
        ).folder_id  # fmt: skip

    monkeypatch.delenv("YC_FOLDER_ID", raising=False)
    assert folder({}, YcProfile(path=config)) == "b1gmine"
    assert folder({"YC_FOLDER_ID": "other"}, YcProfile(path=config)) == "other"
    assert not folder({}, YcProfile("robot", path=config))


@pytest.mark.parametrize(
    "make",
    [
        lambda _: ApiKey("SECRET"),
        lambda _: IamToken("SECRET"),
        lambda _: IamToken(lambda: "SECRET"),
        lambda _: OAuthToken("SECRET"),
        lambda _: ServiceAccountKey(_KEY),
        lambda _: MetadataService(),
        lambda config: YcProfile(path=config),
        lambda config: YcProfile("robot", path=config),
    ],
    ids=["api key", "iam", "callable", "oauth", "key", "metadata", "user profile", "robot profile"],
)
def test_no_kind_shows_or_pickles_its_secret(make: Callable[[Path], Credentials], config: Path) -> None:
    credentials = make(config)
    shown = f"{credentials!r} {credentials} {[credentials]} {vars(credentials).keys()}"
    # What a debugger or crash reporter prints of the parts.
    inner = vars(credentials).get("_key"), vars(credentials).get("_inner"), vars(credentials).get("_refresh")
    assert not any(secret in f"{shown} {inner}" for secret in _SECRETS)
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="contains a secret and cannot be pickled") as caught:
            copied(credentials)
        assert not any(secret in str(caught.value) for secret in _SECRETS)


async def test_anonymous_sends_nothing() -> None:
    credentials: Credentials = Anonymous()
    assert credentials.authorization() is None
    assert await credentials.authorization_async() is None
