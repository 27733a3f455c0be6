"""The identities that a local service accepts, and the IAM tokens that it gives them."""

import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from vision_grpc.contract.rules import validate
from vision_grpc.errors import Code, ServiceError
from vision_grpc.messages import CreateIamTokenRequest, CreateIamTokenResponse, Timestamp
from vision_grpc.texts.quoting import shorten

AUDIENCE = "https://iam.api.cloud.yandex.net/iam/v1/tokens"
"""The audience of JWTs for the real IAM service. The local service accepts it at any address."""

_JWT_LIFETIME_S = 3600
_MOST_TOKENS = 10_000
# The end of the year 9999, after which Python has no times.
_LATEST = 253_402_300_799
_CLAIMS = ("iss", "aud", "iat", "exp")


class Identities:
    """One service account and one user, with new secrets in each instance.

    `exchanges` counts the tokens that were issued. Thread-safe.
    """

    def __init__(self, *, token_lifetime_s: float = 12 * 3600.0, wall_clock: Callable[[], float] = time.time) -> None:
        self._lifetime_s = token_lifetime_s
        self._wall_clock = wall_clock
        self._private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._lock = threading.Lock()
        # Tokens, each with the account that it is of and when it expires.
        self._tokens: dict[str, tuple[str, float]] = {}
        self._audiences = [AUDIENCE]
        self.exchanges: int = 0
        self.service_account_id: str = _make_id("aje")
        self.user_id: str = _make_id("aje")
        self.key_id: str = _make_id("ajk")
        self.api_key: str = f"AQVN{secrets.token_urlsafe(24)}"
        self.oauth_token: str = f"y0_{secrets.token_urlsafe(32)}"

    def __repr__(self) -> str:
        return f"Identities(service_account_id={self.service_account_id!r}, key_id={self.key_id!r})"

    @property
    def authorized_key(self) -> dict[str, str]:
        """The service account's key: the fields of the JSON file that `yc iam key create` writes."""
        pem = self._private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public_pem = self._private_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return {
            "id": self.key_id,
            "service_account_id": self.service_account_id,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "key_algorithm": "RSA_2048",
            "public_key": public_pem.decode(),
            "private_key": pem.decode(),
        }

    def listen_at(self, address: str) -> None:
        """Accept JWTs for this address too: the official SDK makes the audience from its endpoint setting."""
        self._audiences.append(f"https://iam.{address}/iam/v1/tokens")

    def create_token(self, request: CreateIamTokenRequest) -> CreateIamTokenResponse:
        """Return a token for the identity that the request authenticates.

        Raises:
            InvalidRequestError: the request violates a constraint of the protos.
            ServiceError: the JWT or the OAuth token is not valid.
        """
        validate(request)
        account = self.service_account_id if request.jwt else self.user_id
        if request.jwt:
            self._check_jwt(request.jwt)
        elif not _is_same(request.yandex_passport_oauth_token, self.oauth_token):
            message = "the OAuth token is unknown"
            raise ServiceError(Code.UNAUTHENTICATED, message)
        token, expires_at = self.issue(account)
        seconds = int(expires_at)
        timestamp = Timestamp(seconds=seconds, nanos=int((expires_at - seconds) * 1e9))
        return CreateIamTokenResponse(iam_token=token, expires_at=timestamp)

    def issue(self, account: str | None = None) -> tuple[str, float]:
        """Return a new token and the wall clock time when it expires; of very many, the oldest expire before.

        It is of an account of these identities, by default the service account.
        """
        now = self._wall_clock()
        token, expires_at = f"t1.{secrets.token_urlsafe(32)}", now + self._lifetime_s
        with self._lock:
            # All live equally long, so that the oldest are the first to go.
            while self._tokens and (len(self._tokens) >= _MOST_TOKENS or next(iter(self._tokens.values()))[1] <= now):
                del self._tokens[next(iter(self._tokens))]
            self._tokens[token] = self.service_account_id if account is None else account, expires_at
            self.exchanges += 1
        return token, expires_at

    def revoke_tokens(self) -> None:
        """Stop accepting the tokens that were issued so far."""
        with self._lock:
            self._tokens.clear()

    def check(self, authorization: str | None) -> str:
        """Return the id of the account that the authorization metadata of a call is of.

        Raises:
            ServiceError: the key or token is missing, unknown or expired.
        """
        scheme, _, secret = (authorization or "").partition(" ")
        if scheme == "Api-Key" and _is_same(secret, self.api_key):
            return self.service_account_id
        if scheme == "Bearer":
            with self._lock:
                account, expires_at = self._tokens.get(secret, ("", 0.0))
            if self._wall_clock() < expires_at:
                return account
        reason = "the key or token is unknown or expired" if authorization else "the call has no authorization"
        raise ServiceError(Code.UNAUTHENTICATED, reason)

    def _check_jwt(self, text: str) -> None:
        try:
            if jwt.get_unverified_header(text).get("kid") != self.key_id:
                message = "the kid in the JWT's header is not the id of a known key"
                raise ServiceError(Code.UNAUTHENTICATED, message)
            claims = jwt.decode(
                text,
                self._private_key.public_key(),
                algorithms=["PS256"],
                audience=self._audiences,
                issuer=self.service_account_id,
                # The library checks times by the system clock, and takes strings for numbers. They are checked below,
                # by our clock, which tests can set.
                options={"require": list(_CLAIMS), "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            issued_at, expires_at = _time_of(claims, "iat"), _time_of(claims, "exp")
            begins_at = max(issued_at, _time_of(claims, "nbf") if "nbf" in claims else issued_at)
        except (jwt.InvalidTokenError, ValueError, TypeError, RecursionError) as error:
            message = f"the JWT is not valid: {shorten(str(error))}"
            raise ServiceError(Code.UNAUTHENTICATED, message) from error
        now = self._wall_clock()
        if expires_at <= now or begins_at > now:
            message = "the JWT is not valid: it has expired" if expires_at <= now else "the JWT is not valid yet"
            raise ServiceError(Code.UNAUTHENTICATED, message)
        if expires_at - issued_at > _JWT_LIFETIME_S:
            message = f"the JWT is valid for longer than {_JWT_LIFETIME_S} s"
            raise ServiceError(Code.INVALID_ARGUMENT, message)


def _time_of(claims: Mapping[str, object], name: str) -> float:
    """Return a claim that is a time: a number of seconds since 1970 (RFC 7519, 2: NumericDate).

    Raises:
        TypeError, ValueError: it is not a number, or far from any time.
    """
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        message = f"the claim {name} is not a number"
        raise TypeError(message)
    if not 0 <= value <= _LATEST:
        message = f"the claim {name} is not a time in seconds"
        raise ValueError(message)
    return float(value)


def _is_same(given: str, secret: str) -> bool:
    # As bytes, because compare_digest refuses strings that are not ASCII.
    return secrets.compare_digest(given.encode(), secret.encode())


def _make_id(prefix: str) -> str:
    return f"{prefix}{uuid.uuid4().hex[:17]}"
