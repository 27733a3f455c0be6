"""Whatever is wrong with keys, tokens and servers: an AuthError in time, which says what was tried and the fix."""

import json
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import grpc
import pytest
from auth_peers import Reply, Request, always, grpc_server, http_server, iam_over_grpc, iam_over_rest, token_answer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from held_port import held_port

from vision_grpc.auth import ApiKey, Credentials, IamToken, MetadataService, OAuthToken, ServiceAccountKey
from vision_grpc.errors import AuthError
from vision_grpc.local.cloud.iam import Identities

Way = Literal["auto", "grpc", "rest"]

DEADLINE_S = 0.8


@pytest.fixture(scope="module")
def identities() -> Identities:
    return Identities()


@pytest.fixture(scope="module", autouse=True)
def _warm(identities: Identities) -> None:
    # The first exchange imports the libraries that it needs, which may take longer than the deadlines here.
    for serving in (grpc_server(iam_over_grpc(identities)), http_server(iam_over_rest(identities))):
        with serving as address:
            place = address if "://" in address else f"http://{address}"
            OAuthToken(identities.oauth_token, iam_endpoint=place).authorization()


def _ask(credentials: Credentials, timeout_s: float = DEADLINE_S) -> None:
    began = time.monotonic()
    try:
        credentials.authorization(timeout_s=timeout_s)
    finally:
        # What one caller waits is bounded; the rest is for a busy machine.
        assert time.monotonic() - began < timeout_s + 20


@contextmanager
def _mute() -> Generator[str]:
    """Give the address of a port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


# Keys


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def test_a_key_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(AuthError, match=r"no\.json cannot be read \(No such file or directory\): make one with `yc"):
        ServiceAccountKey(tmp_path / "no.json")


@pytest.mark.parametrize("text", ["", "no JSON", "[1]", '"text"', "[" * 100_000, "\x00"])
def test_a_key_file_that_is_no_json_object(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(
        AuthError, match=r"key\.json does not contain a JSON object, so it is not an authorized key: make one"
    ):
        ServiceAccountKey(path)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"type": "service_account", "private_key": "secret", "client_email": "me@example"},
        {"access_key": {"id": "aje"}, "secret": "secret"},
        {"id": "", "service_account_id": "aje", "private_key": "secret"},
        {"id": 1, "service_account_id": None, "private_key": ["secret"]},
    ],
)
def test_a_key_of_another_type(fields: dict[str, object]) -> None:
    for key in (fields, json.dumps(fields)):
        with pytest.raises(
            AuthError, match=r"is not an authorized key of a service account \(no .*id.*\): make"
        ) as caught:
            ServiceAccountKey(key)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "secret",
        lambda pem: pem[:-200],
        lambda pem: pem.replace("A", "B"),
        lambda _: _pem(ec.generate_private_key(ec.SECP256R1())),
        lambda pem: pem.replace("PRIVATE", "PUBLIC"),
    ],
    ids=["no PEM", "cut", "changed", "no RSA", "public"],
)
def test_a_broken_private_key(identities: Identities, spoil: Callable[[str], str]) -> None:
    key = identities.authorized_key
    private = key["private_key"]
    key["private_key"] = spoil(private)
    with pytest.raises(AuthError, match=r"the private_key of the mapping is broken or not an RSA key") as caught:
        ServiceAccountKey(key)
    assert private.splitlines()[1] not in str(caught.value)


def test_a_key_with_the_tools_warning_in_it_is_fine(identities: Identities) -> None:
    key = identities.authorized_key
    key["private_key"] = "PLEASE DO NOT REMOVE THIS LINE! SA Key ID <aje>\n" + key["private_key"]
    with http_server(iam_over_rest(identities)) as url:
        identities.check(ServiceAccountKey(key, iam_endpoint=url, transport="rest").authorization())


@pytest.mark.parametrize(("mode", "warnings"), [(0o600, 0), (0o400, 0), (0o644, 1), (0o640, 1)])
def test_a_key_file_that_others_can_read_is_warned_of(
    identities: Identities, tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, warnings: int
) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(identities.authorized_key), encoding="utf-8")
    path.chmod(mode)
    ServiceAccountKey(path)
    ours = [record.levelname for record in caplog.records if record.name.startswith("vision_grpc")]
    assert ours == ["WARNING"] * warnings
    assert caplog.text.count("chmod 600") == warnings


@pytest.mark.parametrize("way", ["grpc", "rest"])
def test_a_key_that_the_service_does_not_know(identities: Identities, way: Way) -> None:
    key = identities.authorized_key | {"private_key": _pem(rsa.generate_private_key(65537, 2048))}
    _expect_refusal(key, identities, way, "Signature verification failed")
    _expect_refusal(identities.authorized_key | {"id": "ajeother"}, identities, way, "kid in the JWT's header is not")


@pytest.mark.parametrize("way", ["grpc", "rest"])
@pytest.mark.parametrize("offset_s", [-3601, 3601])
def test_a_clock_that_is_an_hour_off(way: Way, offset_s: int) -> None:
    identities = Identities(wall_clock=lambda: time.time() + offset_s)
    _expect_refusal(identities.authorized_key, identities, way, "the JWT is not valid")


def _expect_refusal(key: dict[str, str], identities: Identities, way: Way, reason: str) -> None:
    server = grpc_server(iam_over_grpc(identities)) if way == "grpc" else http_server(iam_over_rest(identities))
    with server as address:
        credentials = ServiceAccountKey(key, iam_endpoint=address, transport=way, insecure=way == "grpc")
        with pytest.raises(AuthError, match=rf"refused to give a token: UNAUTHENTICATED: .*{reason}") as caught:
            _ask(credentials, timeout_s=20)
    message = str(caught.value)
    assert f"check whether the key {key['id']} of the service account" in message
    assert "check this machine's clock, it shows 20" in message


# Tokens


@pytest.mark.parametrize("credentials", [ApiKey("secret"), IamToken("secret")])
async def test_a_refused_static_secret_says_how_to_get_another(credentials: Credentials) -> None:
    for _ in range(2):
        with pytest.raises(AuthError, match=r"the service refused the .* with `yc iam .*create") as caught:
            credentials.authorization(refused="Bearer secret")
        assert "secret" not in str(caught.value)
        with pytest.raises(AuthError, match="the service refused the"):
            await credentials.authorization_async(refused="Bearer secret")
    assert credentials.authorization() is not None


# IAM services


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(503, b'{"code": 14, "message": "down"}'), "UNAVAILABLE: down"),
        (Reply(500, b""), "INTERNAL: HTTP 500 with an empty body"),
        (Reply(502, b"<html><h1>Bad Gateway</h1></html>", "text/html"), "UNAVAILABLE: HTTP 502 with the body"),
        (Reply(200, b"<html>Please log in</html>", "text/html"), "but not with a CreateIamTokenResponse"),
        (Reply(200, b'{"iamToken": 7, "expiresAt": "soon"}'), "but not with a CreateIamTokenResponse"),
        (Reply(200, b"{}"), "without a usable token: the IAM token is empty"),
        (Reply(200, token_answer("two words", 2_000_000_000)), "without a usable token"),
        (Reply(200, token_answer("t1.late", 1_000_000_000)), "has expired already: check this machine's clock"),
        (Reply(200, b'{"iamToken": "t1.never"}'), "has expired already"),
        (Reply(429, b'{"code": 8, "message": "slow down"}'), "RESOURCE_EXHAUSTED: slow down"),
        (Reply(302, b""), "UNKNOWN: HTTP 302"),
        (Reply(401, b'{"code": 16, "message": "who?"}'), "refused to give a token: UNAUTHENTICATED: who?"),
    ],
)
def test_an_iam_service_that_misbehaves_over_rest(reply: Reply, reason: str) -> None:
    with http_server(always(reply)) as url, pytest.raises(AuthError) as caught:
        _ask(OAuthToken("secret", iam_endpoint=url, transport="rest"))
    message = str(caught.value)
    assert reason in message
    assert url.removeprefix("http://") in message
    assert "two words" not in message
    assert "t1." not in message


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"\xff\xff", "but not with a CreateIamTokenResponse"),
        (b"", "without a usable token"),
        (grpc.StatusCode.UNAVAILABLE, "the connection to|UNAVAILABLE"),
        (grpc.StatusCode.INTERNAL, "INTERNAL: broken"),
        (grpc.StatusCode.UNIMPLEMENTED, "refused to give a token: UNIMPLEMENTED"),
    ],
)
def test_an_iam_service_that_misbehaves_over_grpc(answer: bytes | grpc.StatusCode, reason: str) -> None:
    def reply(_: bytes, context: grpc.ServicerContext) -> bytes:
        if isinstance(answer, bytes):
            return answer
        return context.abort(answer, "broken")

    with grpc_server(reply) as address, pytest.raises(AuthError, match=reason) as caught:
        _ask(OAuthToken("secret", iam_endpoint=address, transport="grpc", insecure=True))
    assert address in str(caught.value)


@pytest.mark.parametrize("transport", ["grpc", "rest", "auto"])
def test_an_iam_service_that_hangs(transport: Way) -> None:
    with _mute() as address, pytest.raises(AuthError, match=r"within 0\.8 s: it has not answered yet"):
        _ask(OAuthToken("secret", iam_endpoint=address, transport=transport, insecure=True))


@pytest.mark.parametrize("transport", ["grpc", "rest", "auto"])
def test_an_iam_service_that_is_not_there(transport: Way) -> None:
    with held_port() as port, pytest.raises(AuthError, match="was not reached") as caught:
        _ask(OAuthToken("secret", iam_endpoint=f"127.0.0.1:{port}", transport=transport, insecure=True))
    assert f"127.0.0.1:{port}" in str(caught.value)


def test_a_service_that_comes_back_is_waited_for(identities: Identities) -> None:
    good = iam_over_rest(identities)
    replies = iter([Reply(503, b""), Reply(200, b"garbage")])

    with http_server(lambda request: next(replies, None) or good(request)) as url:
        identities.check(OAuthToken(identities.oauth_token, iam_endpoint=url, transport="rest").authorization())


def test_while_the_old_token_lives_failures_are_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    identities = Identities(token_lifetime_s=2.0)
    good = iam_over_rest(identities)
    broken, asked_broken = threading.Event(), threading.Event()

    def answer(request: Request) -> Reply:
        if broken.is_set():
            asked_broken.set()
            return Reply(503, b"")
        return good(request)

    with http_server(answer) as url:
        credentials = OAuthToken(identities.oauth_token, iam_endpoint=url, transport="rest")
        first = credentials.authorization()
        broken.set()
        # A busy loop would keep the thread of the exchange from its turn.
        while not asked_broken.wait(0.01):
            assert credentials.authorization(timeout_s=0) == first
        broken.clear()
        while (second := credentials.authorization()) == first:
            pass
    identities.check(second)
    assert "the token could not be refreshed, going on with the old one" in caplog.text


def test_a_token_does_not_travel_in_plaintext_but_on_this_machine() -> None:
    with pytest.raises(ValueError, match=r"refusing to send credentials to 10\.0\.0\.1:80 in plain"):
        OAuthToken("secret", iam_endpoint="http://10.0.0.1")


# The metadata service


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(404, b"not found", "text/plain"), "has no token (HTTP 404): link a service account"),
        (Reply(200, b"<html>router</html>", "text/html"), "but not with a token: is that the metadata service?"),
        (Reply(200, b"[]"), "but not with a token"),
        (Reply(200, b'{"access_token": 1, "expires_in": 2}'), "but not with a token"),
        (Reply(200, b'{"access_token": "", "expires_in": 2}'), "without a usable token"),
        (Reply(200, b'{"access_token": "t1.x", "expires_in": 0}'), "has expired already"),
        (Reply(200, b'{"access_token": "t1.x", "expires_in": NaN}'), "has expired already"),
        (Reply(200, b" " * 300_000), "the answer is longer than 262144 bytes; is that the metadata service?"),
        (Reply(200, b"no gzip " * 20, headers={"content-encoding": "gzip"}), "is not encoded as it says"),
        (Reply(403, b""), "answered HTTP 403 instead of a token"),
        (Reply(500, b""), "answered HTTP 500 instead of a token"),
    ],
)
def test_a_metadata_service_that_misbehaves(reply: Reply, reason: str) -> None:
    with http_server(always(reply)) as url, pytest.raises(AuthError) as caught:
        _ask(MetadataService(url))
    assert reason in str(caught.value)
    assert url in str(caught.value)
    assert "t1." not in str(caught.value)


def test_a_metadata_service_that_hangs_or_is_not_there() -> None:
    with _mute() as address, pytest.raises(AuthError, match=r"the metadata service at .* has not answered yet"):
        _ask(MetadataService(address))
    with held_port() as port, pytest.raises(AuthError, match=r"is this a virtual machine of the cloud\?"):
        _ask(MetadataService(f"127.0.0.1:{port}"))
