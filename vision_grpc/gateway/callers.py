"""As whom the backend is called: as each caller, or as the gateway itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol

from vision_grpc.api.ocr_requests import folder_header
from vision_grpc.auth import Credentials
from vision_grpc.auth.credentials import TOKEN_TIMEOUT_S, Secretive
from vision_grpc.errors import AuthError, Code, ServiceError
from vision_grpc.texts.header_value import is_header_value

_SCHEMES = ("api-key", "bearer")
# What callers say about their data, and what support asks for.
_PASSED_ON = ("x-data-logging-enabled", "x-client-trace-id")
# Tests of callers speak to a local service behind the gateway.
_PASSED_ON_HERE = ("x-fault", "x-test-id")


@dataclass(frozen=True, slots=True)
class Caller:
    """As whom a call is made, and what goes along with it."""

    credentials: Credentials
    headers: Sequence[tuple[str, str]]
    name: str = "the caller"
    """Who calls, in words."""


class Callers(Protocol):
    """Says as whom the backend is called."""

    def caller(self, metadata: Mapping[str, str], folder_id: str) -> Caller:
        """Return as whom the calls for a request are made, by the request's metadata and folder.

        Raises:
            ServiceError: UNAUTHENTICATED, for the request does not say who sends it.
            InvalidRequestError: the folder cannot be passed on.
        """
        ...


class PassedOn(Secretive):
    """The credentials of a caller, as they came."""

    # The folder is that of the request.
    is_service_account = True

    def __init__(self, authorization: str | None) -> None:
        self._authorization = authorization

    def authorization(self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S) -> str | None:
        """Return the value of the caller's authorization, None if it sent none.

        Raises:
            AuthError: the backend refused it.
        """
        del timeout_s
        if refused is not None:
            message = "the key or token was refused: it is unknown, has expired or is not for this API"
            raise AuthError(message)
        return self._authorization

    async def authorization_async(
        self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S
    ) -> str | None:
        """Return the same as `authorization`."""
        return self.authorization(refused=refused, timeout_s=timeout_s)


class AsThemselves:
    """Each caller is who it says it is: its authorization is passed on, and the folder of its request."""

    def __init__(self, *, may_be_nobody: bool) -> None:
        self._may_be_nobody = may_be_nobody
        self._passed_on = (*_PASSED_ON, *(_PASSED_ON_HERE if may_be_nobody else ()))

    def caller(self, metadata: Mapping[str, str], folder_id: str) -> Caller:
        """Return the caller; see `Callers`."""
        authorization = metadata.get("authorization")
        if authorization is None:
            if not self._may_be_nobody:
                _refuse("the call has no authorization, which the gateway would pass on")
        elif authorization.partition(" ")[0].lower() not in _SCHEMES or not is_header_value(authorization):
            _refuse("the authorization is neither Api-Key nor Bearer with a secret")
        return Caller(PassedOn(authorization), [*_passed_on(metadata, self._passed_on), *folder_header(folder_id)])


class AsTheGateway:
    """All callers are the gateway: its own credentials are used, and the folder that belongs to them."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def caller(self, metadata: Mapping[str, str], folder_id: str) -> Caller:
        """Return the caller; the folder of the request would be another one than who pays."""
        del folder_id
        return Caller(self._credentials, _passed_on(metadata, _PASSED_ON), name="the gateway itself")


def _passed_on(metadata: Mapping[str, str], names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, value) for name in names if (value := metadata.get(name)) is not None and is_header_value(value)]


def _refuse(message: str) -> NoReturn:
    raise ServiceError(Code.UNAUTHENTICATED, message)
