"""Authorized keys of service accounts: a signed JWT is exchanged for an IAM token."""

import os
from collections.abc import Mapping
from typing import Literal

from vision_grpc.auth.authorized_key import AuthorizedKey, KeyFile, is_json_object
from vision_grpc.auth.exchanged import ExchangedCredentials
from vision_grpc.auth.iam_service import IamService, check_the_clock
from vision_grpc.auth.token import Token
from vision_grpc.cloud.discovery import ApiEndpoints
from vision_grpc.messages import CreateIamTokenRequest
from vision_grpc.network.deadline import Deadline
from vision_grpc.texts.cleaning import clean


class ServiceAccountKey(ExchangedCredentials):
    """The authorized key of a service account: the path of its JSON file, the JSON text, or the fields.

    A file is read again for each token, so that it can be replaced; a pipe, such as `<(cat key.json)`, is read
    once. The other arguments are those of the IAM service that issues the tokens.

    Raises:
        AuthError: the key is unusable; the message says why.
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
        self._key: AuthorizedKey | KeyFile
        if isinstance(key, Mapping):
            self._key = AuthorizedKey(key, "the mapping")
        elif isinstance(key, str) and is_json_object(text := clean(key).text):
            self._key = AuthorizedKey.from_json(text, "the text")
        else:
            self._key = KeyFile(key)
        self._service = IamService(
            iam_endpoint, transport=transport, root_certificates=root_certificates, insecure=insecure
        )

    @property
    def _origin(self) -> str:
        return str(self._service)

    def _exchange(self, deadline: Deadline) -> Token:
        key = self._key.current_key() if isinstance(self._key, KeyFile) else self._key
        request = CreateIamTokenRequest(jwt=key.sign())
        fix = (
            f"check whether the key {key.key_id} of the service account {key.service_account_id} "
            f"still exists (`yc iam key list`), and {check_the_clock()}"
        )
        return self._service.create_token(request, fix, deadline)
