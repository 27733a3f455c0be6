import asyncio
import base64
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import make_dataclass
from pathlib import Path

import pytest
import trustme
from command_line import finish, read_line, run, start
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from secret_watch import SECRETS, Watch

from vision_grpc.auth import ApiKey
from vision_grpc.errors import AuthError, VisionError
from vision_grpc.local.cloud.iam import Identities


def test_the_watch_knows_every_secret_that_the_tests_use(secret_watch: Watch) -> None:
    identities = Identities()
    token, _ = identities.issue()
    header = base64.urlsafe_b64encode(json.dumps({"alg": "PS256"}).encode()).decode().rstrip("=")
    secrets = [
        token, identities.api_key, identities.oauth_token, identities.authorized_key["private_key"],
        f"{header}.{header}.signature", ApiKey("anything-else").authorization(),
    ]  # fmt: skip
    assert all(SECRETS.search(f"before {secret} after") for secret in secrets)
    assert not SECRETS.search(f"{identities!r} Bearer <token>, Api-Key <key>, {identities.authorized_key['id']}")

    logging.getLogger("vision_grpc.auth").debug("the token is %s", token)
    str(AuthError(f"refused: {token}"))
    with pytest.raises(VisionError):
        raise VisionError(token)
    assert len(secret_watch.found) == 4
    assert token not in f"{secret_watch.found}"
    secret_watch.found.clear()


def _raise_for(cause: Exception | None, note: str = "") -> None:
    error = ValueError("no secret")
    error.add_note(note)
    raise error from cause


@pytest.mark.parametrize(
    "fail",
    [
        lambda secret: _raise_for(KeyError(secret)),
        lambda secret: _raise_for(None, note=secret),
        lambda secret: int(f"{secret} "),
        lambda secret: Path(secret).read_text(encoding="utf-8"),
    ],
    ids=["cause", "note", "text", "attribute"],
)
def test_the_watch_looks_at_whatever_is_caught(secret_watch: Watch, fail: Callable[[str], object]) -> None:
    with pytest.raises((ValueError, OSError)):
        fail(Identities().api_key)
    assert "AQVN" in f"{secret_watch.found}"
    secret_watch.found.clear()
    with pytest.raises(ValueError, match="no secret"):
        _raise_for(None)
    assert secret_watch.found == []


# Of ours, as it seems.
_Talkative = make_dataclass("_Talkative", ["secret"], slots=True)
_Talkative.__module__ = "vision_grpc.auth"


class TestWatchedObjects:
    @pytest.fixture(autouse=True)
    def _found(self, secret_watch: Watch) -> Iterator[None]:
        self.watch = secret_watch
        yield
        assert "_Talkative(secret='AQVN" in f"{secret_watch.found}"
        secret_watch.found.clear()

    def test_a_local_one_is_looked_at_when_its_test_ends(self) -> None:
        thing = _Talkative(Identities().api_key)
        assert self.watch.found == []
        assert thing

    async def test_a_local_one_of_a_coroutine_too(self) -> None:
        thing = _Talkative(Identities().api_key)
        await asyncio.sleep(0)
        assert self.watch.found == []
        assert thing


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize(
    "key", [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())], ids=["RSA", "EC"]
)
def test_a_private_key_is_known_without_its_first_line(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, form: PrivateFormat
) -> None:
    pem = key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    assert SECRETS.search(pem.partition("\n")[2])
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert not SECRETS.search(public + trustme.CA().cert_pem.bytes().decode())


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_the_watch_looks_at_all_that_programs_print(secret_watch: Watch, stream: str) -> None:
    program = ("-c", f"import sys; print(sys.argv[1], file=sys.{stream})")
    secret = Identities().api_key
    assert secret in f"{run(secret, program=program)}"
    subprocess.run([sys.executable, *program, secret], check=True, capture_output=True)
    assert [line.strip() for line in secret_watch.found] == ["AQVN" + secret[4:6] + "<secret>"] * 2
    secret_watch.found.clear()
    run("no secret", program=program)


def test_the_watch_looks_at_single_lines(secret_watch: Watch) -> None:
    process = start(Identities().oauth_token, program=("-c", "import sys; print(sys.argv[1])"))
    with pytest.raises(AssertionError):
        read_line(process)
    finish(process)
    assert secret_watch.found == []
