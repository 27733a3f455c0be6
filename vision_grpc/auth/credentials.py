"""What every kind of credentials offers."""

from typing import NoReturn, Protocol

TOKEN_TIMEOUT_S = 60.0
"""How long a caller waits for a token who does not say."""


class Credentials(Protocol):
    """Proof of identity, sent with each call. Usable from several threads and event loops at once."""

    @property
    def is_service_account(self) -> bool:
        """Whether the service knows the folder by the identity itself, so that none is sent."""
        ...

    def authorization(self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S) -> str | None:
        """Return the value of the authorization metadata, None to send none.

        `refused` is such a value that the service refused, for another to be returned: the same again
        only where there may be nothing wrong with it.

        Raises:
            AuthError: no token could be obtained within the time-out.
        """
        ...

    async def authorization_async(
        self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S
    ) -> str | None:
        """Return what `authorization` does, without blocking the event loop."""
        ...


class Secretive:
    """Keeps a secret: it goes into no repr, and no pickle."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    def __reduce__(self) -> NoReturn:
        message = f"{type(self).__name__} holds a secret and is not pickled: make one in each process"
        raise TypeError(message)


class Anonymous:
    """No identity: for a local service."""

    is_service_account = False

    def authorization(self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S) -> None:
        """Send no authorization."""

    async def authorization_async(self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S) -> None:
        """Send no authorization."""

    def __repr__(self) -> str:
        return "Anonymous()"


def clean_secret(secret: object, kind: str) -> str:
    """Return a secret without the blanks that files and shells put around it.

    Raises:
        TypeError: it is no text.
        ValueError: nothing is left, or what is left cannot go into a header. Its text is not told.
    """
    if not isinstance(secret, str):
        message = f"the {kind} has to be a str, not {type(secret).__name__}"
        raise TypeError(message)
    secret = secret.strip()
    if not secret:
        message = f"the {kind} is empty"
        raise ValueError(message)
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        message = f"the {kind} has characters that no {kind} has: was something else pasted?"
        raise ValueError(message)
    return secret
