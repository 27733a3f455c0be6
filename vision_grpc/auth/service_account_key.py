"""Service accounts by their authorized keys: a signed JWT is exchanged for IAM tokens."""

import os
from collections.abc import Mapping
from typing import Literal

from vision_grpc.auth.authorized_key import AuthorizedKey
from vision_grpc.auth.exchanged import ExchangedCredentials
from vision_grpc.auth.iam_service import IamService, check_the_clock
from vision_grpc.auth.token import Token
from vision_grpc.discovery import ApiEndpoints
from vision_grpc.messages import CreateIamTokenRequest


class ServiceAccountKey(ExchangedCredentials):
    """The authorized key of a service account: its JSON file, the text of that, or its fields.

    A file is read again for each token, so that it can be replaced. The further arguments say
    where tokens come from and how that is reached.

    Raises:
        AuthError: there is no usable key; says what is wrong with it.
        ValueError: the endpoint is malformed.
    """

    is_service_account = True

    def __init__(
        self,
        key: str | os.PathLike[str] | Mapping[str, object],
        *,
        iam_endpoint: str | ApiEndpoints | None = None,
        transport: Literal["auto", "grpc", "rest"] = "auto",
        root_certificates: bytes | str | os.PathLike[str] | None = None,
        insecure: bool = False,
    ) -> None:
        super().__init__()
        self._path: str | os.PathLike[str] | None = None
        if isinstance(key, Mapping):
            self._key = AuthorizedKey(key, "the mapping")
        elif isinstance(key, str) and key.lstrip("\ufeff \t\r\n").startswith("{"):
            self._key = AuthorizedKey.from_json(key, "the text")
        else:
            self._path = key
            self._key = AuthorizedKey.from_file(key)
        self._service = IamService(
            iam_endpoint, transport=transport, root_certificates=root_certificates, insecure=insecure
        )

    @property
    def _origin(self) -> str:
        return str(self._service)

    def _exchange(self, timeout_s: float) -> Token:
        if self._path is not None:
            self._key = AuthorizedKey.from_file(self._path)
        request = CreateIamTokenRequest(jwt=self._key.sign())
        fix = (
            f"see whether the key {self._key.key_id} of the service account {self._key.service_account_id} "
            f"still exists (`yc iam key list`), and {check_the_clock()}"
        )
        return self._service.create_token(request, fix, timeout_s=timeout_s)
