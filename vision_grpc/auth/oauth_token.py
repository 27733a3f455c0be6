"""OAuth tokens of user accounts, exchanged for IAM tokens."""

import os
from typing import Literal

from vision_grpc.auth.credentials import clean_given
from vision_grpc.auth.exchanged import ExchangedCredentials
from vision_grpc.auth.iam_service import IamService
from vision_grpc.auth.token import Token
from vision_grpc.cloud.discovery import ApiEndpoints
from vision_grpc.messages import CreateIamTokenRequest
from vision_grpc.network.deadline import Deadline

_FIX = "get a new OAuth token: a token expires after a year, and when the password is changed"


class OAuthToken(ExchangedCredentials):
    """The OAuth token of a user account; calls need a folder id too.

    The other arguments are those of the IAM service that exchanges the token.

    Raises:
        ValueError: the token is empty or malformed, or the endpoint is malformed.
    """

    is_service_account = False

    def __init__(
        self,
        token: str,
        *,
        iam_endpoint: str | ApiEndpoints | None = None,
        transport: Literal["auto", "grpc", "rest"] = "auto",
        root_certificates: bytes | str | os.PathLike[str] | None = None,
        insecure: bool = False,
    ) -> None:
        super().__init__()
        self._token = clean_given(token, "OAuth token", "OAuthToken")
        self._service = IamService(
            iam_endpoint, transport=transport, root_certificates=root_certificates, insecure=insecure
        )

    @property
    def _origin(self) -> str:
        return str(self._service)

    def _exchange(self, deadline: Deadline) -> Token:
        request = CreateIamTokenRequest(yandex_passport_oauth_token=self._token)
        return self._service.create_token(request, _FIX, deadline)
