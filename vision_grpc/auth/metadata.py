"""The identity of a virtual machine or function: tokens from the metadata service beside it."""

import json
from typing import cast

from vision_grpc.auth.credentials import clean_secret
from vision_grpc.auth.exchanged import ExchangedCredentials
from vision_grpc.auth.refresh import TransientAuthError
from vision_grpc.auth.token import Token
from vision_grpc.cloud.once import fetch
from vision_grpc.errors import AuthError, ProtocolError, RequestTooLargeError, TransportError
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.http.message import HttpRequest
from vision_grpc.network.tls import Tls
from vision_grpc.texts.arguments import wrong_type

DEFAULT_METADATA_ADDRESS = "169.254.169.254"

_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"
# Without it the service does not answer: it shows that no browser was lured there.
_HEADERS = {"Metadata-Flavor": "Google"}
_OK = 200
_NOT_FOUND = 404
_SERVER_ERRORS = 500
_TOO_MANY = 429
# It is a hop away: what has not answered by then is not there.
_ANSWER_S = 3.0


class MetadataService(ExchangedCredentials):
    """The service account that is linked to this virtual machine.

    `address` is `host`, `host:port` or a URL; plain HTTP, as the service has no other.

    Raises:
        ValueError: the address is malformed.
    """

    is_service_account = True

    def __init__(self, address: str | None = None) -> None:
        super().__init__()
        if not isinstance(cast("object", address), str | None):
            raise wrong_type(address, "address", "text such as '169.254.169.254'")
        text = DEFAULT_METADATA_ADDRESS if address is None else address
        self._endpoint = Endpoint.parse(text if "://" in text else f"http://{text}", insecure=False)

    @property
    def _origin(self) -> str:
        return f"the metadata service at {self._endpoint.url}"

    def _exchange(self, deadline: Deadline) -> Token:
        try:
            answer = fetch(
                Attempt(self._endpoint, deadline.within(_ANSWER_S)),
                Tls(),
                HttpRequest("GET", _PATH, _HEADERS),
                # A proxy would ask for the token of the machine that it runs on.
                through_proxy=False,
            )
        except TransportError as error:
            message = f"no token from {self._origin}: {error.problem}; is this a virtual machine of the cloud?"
            raise TransientAuthError(message) from error
        except (ProtocolError, RequestTooLargeError) as error:
            message = (
                f"no token from {self._origin}: {error.problem}; is that the metadata service? (see YC_METADATA_ADDR)"
            )
            raise AuthError(message) from error
        if answer.status == _NOT_FOUND:
            message = f"{self._origin} has no token (HTTP 404): link a service account to the virtual machine"
            raise AuthError(message)
        if answer.status != _OK:
            is_transient = answer.status >= _SERVER_ERRORS or answer.status == _TOO_MANY
            message = f"{self._origin} answered HTTP {answer.status} instead of a token"
            raise (TransientAuthError if is_transient else AuthError)(message)
        return self._read(answer.body)

    def _read(self, body: bytes) -> Token:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        fields = cast("dict[str, object]", answer) if isinstance(answer, dict) else {}
        value, lifetime_s = fields.get("access_token"), fields.get("expires_in")
        if not isinstance(value, str) or not isinstance(lifetime_s, int | float):
            message = (
                f"{self._origin} answered, but not with a token: is that the metadata service? (see YC_METADATA_ADDR)"
            )
            raise AuthError(message)
        try:
            value = clean_secret(value, "IAM token")
        except ValueError as error:
            message = f"{self._origin} answered without a usable token: {error}"
            raise AuthError(message) from error
        if not lifetime_s > 0:  # NaN too, which JSON in Python may hold.
            message = f"{self._origin} answered with a token that has expired already: restart the virtual machine"
            raise TransientAuthError(message)
        return Token(value, float(lifetime_s))
