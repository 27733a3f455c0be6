"""The interface of credentials."""

from typing import NoReturn, Protocol

from vision_grpc.texts.cleaning import UncleanError, clean_setting
from vision_grpc.texts.secrets import SecretKind, is_token, kind_of_secret

TOKEN_TIMEOUT_S = 60.0
"""How long a caller waits for a token by default."""

_SCHEMES = frozenset({"api-key", "authorization", "bearer"})
_CALLED: dict[SecretKind, str] = {
    "ApiKey": "an API key",
    "IamToken": "an IAM token",
    "OAuthToken": "an OAuth token",
    "ServiceAccountKey": "the key of a service account",
}
_NEVER_IN_SECRETS = frozenset(" \"'`,;")


class Credentials(Protocol):
    """Proof of identity, sent with each call. Several threads and event loops may use it at once."""

    @property
    def is_service_account(self) -> bool:
        """Whether the identity is a service account, whose folder the service knows."""
        ...

    def authorization(self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S) -> str | None:
        """Return the value of the authorization metadata; None: send no authorization.

        `refused` is a value that the service has refused. Another value is then returned, or the same one
        again if the refusal may be a mistake.

        Raises:
            AuthError: no token could be obtained within the time-out.
        """
        ...

    async def authorization_async(
        self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S
    ) -> str | None:
        """Return the same as `authorization`, without blocking the event loop."""
        ...


class Secretive:
    """Base of classes with a secret, which is neither shown nor pickled."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    def __reduce__(self) -> NoReturn:
        message = f"{type(self).__name__} contains a secret and cannot be pickled: make one in each process"
        raise TypeError(message)


class Anonymous:
    """No credentials, for a local service."""

    is_service_account = False

    def authorization(self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S) -> None:
        """Send no authorization."""

    async def authorization_async(self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S) -> None:
        """Send no authorization."""

    def __repr__(self) -> str:
        return "Anonymous()"


def clean_given(secret: object, kind: str, owner: SecretKind) -> str:
    """Return a secret that a caller gave for credentials of a class, cleaned as by `clean_secret`.

    Raises:
        TypeError: the secret is not a str.
        ValueError: it is malformed, or begins as only those of another class do; the message does not quote it.
    """
    cleaned = clean_secret(secret, kind)
    meant = kind_of_secret(cleaned) if is_token(cleaned) else None
    if meant is not None and meant != owner:
        message = f"the {kind} begins like {_CALLED[meant]}, which vision_grpc.auth.{meant} takes"
        raise ValueError(message)
    return cleaned


def clean_secret(secret: object, kind: str) -> str:
    """Return a secret without the blanks, line ends and quotation marks that files and shells put around it.

    Raises:
        TypeError: the secret is not a str.
        ValueError: the secret is empty or cannot be sent in a header; the message does not quote it.
    """
    if not isinstance(secret, str):
        message = f"the {kind} has to be a str, not {type(secret).__name__}"
        raise TypeError(message)
    try:
        secret = clean_setting(secret)
    except UncleanError as error:
        message = f"the {kind} has characters that are not allowed in one ({error}): was something else pasted?"
        raise ValueError(message) from None
    if not secret:
        message = f"the {kind} is empty"
        raise ValueError(message)
    scheme, blank, _ = secret.partition(" ")
    if blank and scheme.rstrip(":").lower() in _SCHEMES:
        message = f"the {kind} begins with {scheme!r}, as in a header: leave that out"
        raise ValueError(message)
    if not secret.isascii() or _NEVER_IN_SECRETS.intersection(secret):
        message = f"the {kind} has characters that are not allowed in one: was something else pasted?"
        raise ValueError(message)
    return secret
