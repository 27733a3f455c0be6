"""API keys of service accounts: they do not expire."""

from vision_grpc.auth.credentials import TOKEN_TIMEOUT_S, Secretive, clean_given
from vision_grpc.errors import AuthError


class ApiKey(Secretive):
    """An API key of a service account.

    Raises:
        ValueError: the key is empty or malformed, or a token.
    """

    is_service_account = True

    def __init__(self, key: str) -> None:
        self._authorization = f"Api-Key {clean_given(key, 'API key', 'ApiKey')}"

    def authorization(self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S) -> str:  # noqa: ARG002 - no wait
        """Return `Api-Key <key>`.

        Raises:
            AuthError: the service refused the key, and there is no other.
        """
        if refused is not None:
            message = (
                "the service refused the API key: it was deleted, is not valid for this service or is incomplete; "
                "make a new one with `yc iam api-key create`"
            )
            raise AuthError(message)
        return self._authorization

    async def authorization_async(self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S) -> str:
        """Return the same as `authorization`."""
        return self.authorization(refused=refused, timeout_s=timeout_s)
