"""The service that exchanges long-lived credentials for IAM tokens."""

import os
import time
from datetime import UTC, datetime
from typing import Literal, TypeAlias, get_args

from vision_grpc.auth.credentials import clean_secret
from vision_grpc.auth.refresh import TransientAuthError
from vision_grpc.auth.token import Token
from vision_grpc.cloud.discovery import ApiEndpoints
from vision_grpc.cloud.once import UnaryService, call_once
from vision_grpc.errors import (
    Advice,
    AuthError,
    PathError,
    ProtocolError,
    ServiceError,
    SettingError,
    TransportError,
    VisionError,
)
from vision_grpc.messages import CreateIamTokenRequest, CreateIamTokenResponse
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls, read_trust
from vision_grpc.texts.arguments import check_choice
from vision_grpc_pb.yandex.cloud.iam.v1 import iam_token_service_pb2

DEFAULT_IAM_ENDPOINT = "iam.api.cloud.yandex.net:443"

_Transport: TypeAlias = Literal["auto", "grpc", "rest"]
_TRANSPORTS = get_args(_Transport)

_CREATE = iam_token_service_pb2.DESCRIPTOR.services_by_name["IamTokenService"].methods_by_name["Create"]


class IamService:
    """An IAM token service at an address, or at the one that the cloud names; by gRPC, else by REST.

    Raises:
        ValueError: an argument is malformed, or secrets would travel in plaintext.
    """

    def __init__(
        self,
        endpoint: str | ApiEndpoints | None = None,
        *,
        transport: _Transport = "auto",
        root_certificates: bytes | str | os.PathLike[str] | None = None,
        insecure: bool = False,
    ) -> None:
        check_choice("transport", transport, _TRANSPORTS)
        self._endpoint: Endpoint | ApiEndpoints
        if isinstance(endpoint, ApiEndpoints):
            self._endpoint, is_plaintext = endpoint, insecure
        else:
            parsed = Endpoint.parse(DEFAULT_IAM_ENDPOINT if endpoint is None else endpoint, insecure=insecure)
            parsed.check_private()
            self._endpoint, is_plaintext = parsed, parsed.plaintext
        self._insecure = insecure
        self._tls = Tls() if is_plaintext else Tls(read_trust(root_certificates))
        self._transport: _Transport = transport

    def __str__(self) -> str:
        if isinstance(self._endpoint, Endpoint):
            return f"the IAM service at {self._endpoint.target}"
        return f"the IAM service of the cloud at {self._endpoint.endpoint.target}"

    def create_token(self, request: CreateIamTokenRequest, fix: str, deadline: Deadline) -> Token:
        """Return the token for an identity; `fix` is what to do when the service refuses it.

        Raises:
            AuthError: no token could be obtained.
        """
        secret = request.jwt or request.yandex_passport_oauth_token
        try:
            service = self._find(deadline)
            response = call_once(service, _CREATE, request, CreateIamTokenResponse, deadline, secret=secret)
        except VisionError as error:
            raise _explain(error, f"{self}", fix) from error
        return self._read(response)

    def _find(self, deadline: Deadline) -> UnaryService:
        endpoint = self._endpoint
        if isinstance(endpoint, ApiEndpoints):
            endpoint = Endpoint.parse(endpoint.address("iam", timeout_s=deadline.left_s), insecure=self._insecure)
            try:
                endpoint.check_private()
            except SettingError as error:
                raise AuthError(error.problem, advice=error.advice) from error
        return UnaryService(endpoint, self._tls, self._transport)

    def _read(self, response: CreateIamTokenResponse) -> Token:
        try:
            value = clean_secret(response.iam_token, "IAM token")
        except ValueError as error:
            message = f"{self} answered without a usable token: {error}"
            raise TransientAuthError(message) from error
        expires_at = response.expires_at.seconds + response.expires_at.nanos / 1e9
        # Only here the wall clock counts: the service names the end of the token by it.
        lifetime_s = expires_at - time.time()
        if lifetime_s <= 0:
            message = f"{self} answered with a token that has expired already: {check_the_clock()}"
            raise AuthError(message)
        return Token(value, lifetime_s)


def check_the_clock() -> str:
    """Return the advice for when times do not fit together."""
    return f"check this machine's clock, it shows {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _explain(error: VisionError, service: str, fix: str) -> AuthError:
    if isinstance(error, ServiceError) and not error.code.retryable:
        return AuthError(f"{service} refused to give a token: {error.problem}", advice=[*error.advice, Advice(fix)])
    message = f"no token from {service}: {error.problem}"
    is_lasting = isinstance(error, PathError) and error.lasting
    if isinstance(error, TransportError | ServiceError | ProtocolError) and not is_lasting:
        return TransientAuthError(message, advice=[*error.advice, Advice("check the network and the IAM endpoint")])
    return AuthError(message, advice=error.advice)
