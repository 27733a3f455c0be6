"""Which JWTs get a token."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.cloud.iam import AUDIENCE, Identities
from vision_grpc.messages import CreateIamTokenRequest

NOW = 1_700_000_000.0
IDENTITIES = Identities(wall_clock=lambda: NOW)
KEY: str = IDENTITIES.authorized_key["private_key"]
RIGHT: dict[str, Any] = {
    "iss": IDENTITIES.service_account_id,
    "aud": AUDIENCE,
    "iat": int(NOW),
    "exp": int(NOW) + 3600,
}


def exchange(claims: dict[str, Any], *, key_id: Any = IDENTITIES.key_id) -> str:  # noqa: ANN401
    head = {"alg": "PS256", "typ": "JWT", "kid": key_id}
    # By hand: the library refuses to make what it should refuse to read.
    signed = b".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, claims))
    algorithm = jwt.get_algorithm_by_name("PS256")
    signature = algorithm.sign(signed, algorithm.prepare_key(KEY))
    token = b".".join([signed, urlsafe_b64encode(signature).rstrip(b"=")]).decode()
    return IDENTITIES.create_token(CreateIamTokenRequest(jwt=token)).iam_token


@pytest.mark.parametrize(
    "change",
    [{}, {"exp": NOW + 0.5}, {"iat": NOW - 1.5, "exp": NOW + 1}, {"aud": ["x", AUDIENCE]}, {"nbf": NOW}, {"sub": "a"}],
)
def test_right_claims_get_a_token(change: dict[str, Any]) -> None:
    assert exchange(RIGHT | change).startswith("t1.")


_NO_TIMES: list[Any] = [
    str(int(NOW) + 60), "", "tomorrow", True, False, None, float("nan"), float("inf"), -float("inf"), -1, 10**400, 1e30,
    [NOW], {"time": NOW}, [], {},
]  # fmt: skip


@pytest.mark.parametrize("value", _NO_TIMES, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
def test_times_are_numbers_and_nothing_else(claim: str, value: object) -> None:
    with pytest.raises(ServiceError) as refused:
        exchange(RIGHT | {claim: value})
    assert refused.value.code is Code.UNAUTHENTICATED
    assert len(refused.value.message) < 300


@pytest.mark.parametrize(
    "value",
    [None, 7, True, [], [RIGHT["iss"]], {"a": 1}, "", "x" * 5000],
    ids=["null", "number", "true", "no element", "list", "object", "empty", "long"],
)
@pytest.mark.parametrize("claim", ["iss", "aud"])
def test_other_claims_are_text(claim: str, value: object) -> None:
    with pytest.raises(ServiceError) as refused:
        exchange(RIGHT | {claim: value})
    assert refused.value.code is Code.UNAUTHENTICATED
    assert len(refused.value.message) < 300


@pytest.mark.parametrize("key_id", [None, 7, True, [], {"a": 1}, "", "x" * 3000], ids=lambda v: repr(v)[:20])
def test_the_key_has_to_be_known(key_id: object) -> None:
    with pytest.raises(ServiceError) as refused:
        exchange(RIGHT, key_id=key_id)
    assert refused.value.code is Code.UNAUTHENTICATED


@pytest.mark.parametrize("claim", RIGHT)
def test_no_claim_may_be_missing(claim: str) -> None:
    with pytest.raises(ServiceError) as refused:
        exchange({name: value for name, value in RIGHT.items() if name != claim})
    assert refused.value.code is Code.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"exp": NOW}, Code.UNAUTHENTICATED),
        ({"iat": NOW + 1}, Code.UNAUTHENTICATED),
        ({"nbf": NOW + 1}, Code.UNAUTHENTICATED),
        ({"exp": NOW + 3601}, Code.INVALID_ARGUMENT),
        ({"iat": 0, "exp": NOW + 1}, Code.INVALID_ARGUMENT),
    ],
)
def test_times_have_to_be_now(change: dict[str, Any], code: Code) -> None:
    with pytest.raises(ServiceError) as refused:
        exchange(RIGHT | change)
    assert refused.value.code is code


def test_tokens_are_not_kept_without_end() -> None:
    identities = Identities(wall_clock=lambda: NOW)
    oldest, *_, latest = (identities.issue()[0] for _ in range(10_001))
    identities.check(f"Bearer {latest}")
    with pytest.raises(ServiceError, match="unknown or expired"):
        identities.check(f"Bearer {oldest}")
