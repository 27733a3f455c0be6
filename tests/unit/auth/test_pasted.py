"""Secrets that are pasted where a path or an address belongs: no message, cause or traceback repeats them."""

import json
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from vision_grpc.auth import ApiKey, IamToken, MetadataService, OAuthToken, ServiceAccountKey, YcProfile
from vision_grpc.auth.default import find_credentials
from vision_grpc.errors import AuthError
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.secrets.quoting import quote_endpoint, quote_path
from vision_grpc.network.tls import read_client_certificate, read_trust

_PEM = (
    rsa.generate_private_key(65537, 2048)
    .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    .decode()
)
_FIELDS = {"id": "ajekey", "service_account_id": "ajeaccount", "private_key": _PEM}
_JSON = json.dumps(_FIELDS)
_TOKEN = "t1." + "SECRET" * 5
_SECRETS = (*_PEM.splitlines(), _PEM[40:60], "SECRET")


def _key_file_variable(text: str) -> object:
    return find_credentials({"YC_SERVICE_ACCOUNT_KEY_FILE": text})


def _profile(text: str, folder: Path) -> object:
    path = folder / "config.yaml"
    # As yc writes it: a text in single quotes.
    key = "'" + text.replace("'", "''").replace("\n", " ") + "'"
    path.write_text(f"current: me\nprofiles:\n  me:\n    service-account-key: {key}\n", encoding="utf-8")
    path.chmod(0o600)
    return YcProfile(path=path)


def _everything_of(error: BaseException) -> str:
    told = "".join(traceback.format_exception(error))
    link: BaseException | None = error
    while link is not None:
        told += f"{link!r} {vars(link)}"
        link = link.__cause__ or link.__context__
    return told


def _expect_silence(error_class: type[Exception], use: Callable[[], object]) -> str:
    with pytest.raises(error_class) as caught:
        use()
    told = _everything_of(caught.value)
    assert not [secret for secret in _SECRETS if secret in told.replace("\\n", "\n")]
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [_JSON, f"\ufeff{_JSON}", f" \n{_JSON}\n", f"'{_JSON}'\r\n"],
    ids=["plain", "byte order mark", "blanks", "single quotes"],
)
@pytest.mark.parametrize("use", [_key_file_variable, ServiceAccountKey])
def test_the_json_of_a_key_is_taken_where_its_path_is(use: Callable[[str], object], text: str) -> None:
    assert isinstance(use(text), ServiceAccountKey)


def test_the_json_of_a_key_is_taken_in_a_profile(tmp_path: Path) -> None:
    assert isinstance(_profile(_JSON, tmp_path), YcProfile)


def test_a_key_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(_JSON, encoding="utf-8-sig")
    path.chmod(0o600)
    ServiceAccountKey(path)


@pytest.mark.parametrize(
    "text",
    [f"[{_JSON}]", json.dumps(_JSON), _PEM, _PEM.replace("\n", ""), _JSON[1:], _JSON[:-1], _TOKEN,
     "AQVN" + "SECRET" * 6, _PEM.splitlines()[1], f"{_JSON}\0", f"keys/\0{_PEM}"],
    ids=["list", "text of JSON", "PEM", "one line", "headless", "cut", "token", "API key", "base64",
         "NUL", "NUL in a path"],
)  # fmt: skip
def test_a_key_that_is_not_understood_is_not_shown(text: str, tmp_path: Path) -> None:
    uses: list[Callable[[], object]] = [
        lambda: _key_file_variable(text),
        lambda: ServiceAccountKey(text),
        lambda: ServiceAccountKey(Path(text)),
    ]
    if "\0" not in text:
        uses += [lambda: _profile(text, tmp_path), lambda: YcProfile(path=text)]
    for use in uses:
        _expect_silence(AuthError, use)


@pytest.mark.parametrize("text", [_PEM, _PEM.replace("\n", " "), f"{_PEM}\0"], ids=["PEM", "one line", "NUL"])
def test_a_certificate_that_is_text_is_asked_for_in_bytes(text: str) -> None:
    for use in (
        lambda: read_client_certificate((text, text)),
        lambda: read_client_certificate((_PEM.encode().replace(b"PRIVATE KEY", b"CERTIFICATE"), text)),
        lambda: read_trust(text),
    ):
        assert "as a PEM file or as bytes" in _expect_silence(ValueError, use)


@pytest.mark.parametrize(
    "address",
    ["https://user:SECRET@host", "https://:SECRET@host", "user:SECRET@host:443", "https://user:SECRET/@host",
     "https://user:SECRET@host:port", "https://user:SECRET@[host", "https://user:SECRET@ho\u2100st", "ftp://SECRET@host",
     "https://user:SECRET@other@host/path", "https://host?key=SECRET", _TOKEN + " ", _PEM, "https://us er:SECRET@host"],
)  # fmt: skip
def test_an_address_is_shown_without_password_and_query(address: str) -> None:
    for use in (
        lambda: Endpoint.parse(address, insecure=False),
        lambda: Endpoint.parse(address, insecure=True),
        lambda: MetadataService(address),
        lambda: OAuthToken("y0_x", iam_endpoint=address),
    ):
        assert "the endpoint" in _expect_silence(ValueError, use)


def test_what_is_a_name_is_quoted_as_it_is() -> None:
    assert quote_path("secrets/key.json") == quote_path(Path("secrets/key.json")) == "secrets/key.json"
    assert quote_path("x" * 256) == "<256 characters that do not look like a path>"
    assert quote_endpoint("https://host/path") == "'https://host/path'"
    assert quote_endpoint("https://me:you@host:1") == "'https://...@host:1'"


@pytest.mark.parametrize(
    ("use", "secret", "told"),
    [
        (ApiKey, _TOKEN, "the API key begins like an IAM token, which vision_grpc.auth.IamToken takes"),
        (ApiKey, f"y0_{_TOKEN}", "the API key begins like an OAuth token, which vision_grpc.auth.OAuthToken takes"),
        (IamToken, f'"y1_{_TOKEN}"', "the IAM token begins like an OAuth token, "),
        (IamToken, f"AQVN{'SECRET' * 6}", "the IAM token begins like an API key, which vision_grpc.auth.ApiKey takes"),
        (OAuthToken, f"{_TOKEN}\n", "the OAuth token begins like an IAM token, "),
    ],
)  # fmt: skip
def test_a_secret_of_another_kind_is_called_what_it_is(use: Callable[[str], object], secret: str, told: str) -> None:
    secret = secret.replace("_t1.", "_")
    assert told in _expect_silence(ValueError, lambda: use(secret))


def test_a_secret_of_another_kind_in_the_environment_is_called_what_it_is() -> None:
    told = _expect_silence(AuthError, lambda: find_credentials({"YC_API_KEY": _TOKEN}))
    assert told.startswith("YC_API_KEY: the API key begins like an IAM token, which ")


@pytest.mark.parametrize("use", [ApiKey, IamToken, OAuthToken])
@pytest.mark.parametrize("secret", ["made-up", "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJlIG9mIGEgdG9rZW4", "t1.short"])
def test_a_secret_of_no_known_kind_is_taken(use: Callable[[str], object], secret: str) -> None:
    use(secret)
