"""IAM tokens: bearer tokens that somebody else obtained, valid for at most 12 hours."""

from vision_grpc.auth.credentials import clean_secret


class IamToken:
    """An IAM token of a user or service account.

    Raises:
        ValueError: the token is empty or no token.
    """

    # The token does not tell whose it is; a user's needs the folder.
    is_service_account = False

    def __init__(self, token: str) -> None:
        self._token = clean_secret(token, "IAM token")

    def authorization(self, *, fresh: bool = False) -> str:  # noqa: ARG002 - there is no other
        """Return `Bearer <token>`."""
        return f"Bearer {self._token}"

    def __repr__(self) -> str:
        return "IamToken(...)"
