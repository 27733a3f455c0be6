"""API keys of service accounts: they do not expire."""

from vision_grpc.auth.credentials import clean_secret


class ApiKey:
    """An API key of a service account.

    Raises:
        ValueError: the key is empty or no key.
    """

    is_service_account = True

    def __init__(self, key: str) -> None:
        self._key = clean_secret(key, "API key")

    def authorization(self, *, fresh: bool = False) -> str:  # noqa: ARG002 - there is no other
        """Return `Api-Key <key>`."""
        return f"Api-Key {self._key}"

    def __repr__(self) -> str:
        return "ApiKey(...)"
