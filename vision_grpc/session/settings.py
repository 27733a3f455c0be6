"""The settings of a client: its arguments, completed from the environment and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, cast, get_args

from vision_grpc.auth import Anonymous, Credentials, YcProfile
from vision_grpc.auth.default import find_credentials, find_surroundings, missing_credentials
from vision_grpc.cloud.discovery import ApiEndpoints
from vision_grpc.config import DEFAULT_ENDPOINT
from vision_grpc.errors import USE_TLS, Advice, SettingError
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Pem, Tls, read_client_certificate, read_server_name, read_trust
from vision_grpc.transport.connect import TransportChoice
from vision_grpc.transport.discovered import Lookup
from vision_grpc.transport.headers import Headers


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that calls need to know."""

    endpoint: Endpoint | Lookup
    transport: TransportChoice
    credentials: Credentials
    folder_id: str
    tls: Tls
    headers: Headers

    @property
    def first_endpoint(self) -> Endpoint:
        """The endpoint that is called first: the service's, or that of the directory which knows it."""
        return self.endpoint if isinstance(self.endpoint, Endpoint) else self.endpoint.directory.endpoint

    @classmethod
    def resolve(
        cls,
        environ: Mapping[str, str],
        *,
        endpoint: str | ApiEndpoints | None,
        transport: object,
        credentials: Credentials | None,
        folder_id: str | None,
        root_certificates: Pem | None,
        insecure: bool,
        client_certificate: tuple[Pem, Pem] | None = None,
        server_name: str | None = None,
        data_logging: bool | None = None,
    ) -> "Settings":
        """Return the settings: arguments first, then the environment, then defaults.

        `transport` may be the caller's own object: then the endpoint and the environment's secrets are not used.

        Raises:
            SettingError: an argument is malformed, or a secret would be sent in plaintext.
            AuthError: no credentials were given or found, or those that were found are unusable.
        """
        is_own = transport is not None and not isinstance(transport, str)
        connecting: Mapping[str, str] = {} if is_own else environ
        service: Endpoint | Lookup
        if isinstance(endpoint, ApiEndpoints):
            service, first = Lookup(endpoint, insecure), endpoint.endpoint
        else:
            address = _first(endpoint, connecting.get("VISION_GRPC_ENDPOINT"), DEFAULT_ENDPOINT)
            service = first = Endpoint.parse(address, insecure=insecure)
        named = transport if isinstance(transport, str) else None
        choice = _check_choice(_first(named, connecting.get("VISION_GRPC_TRANSPORT"), "auto"))
        if credentials is None:
            credentials = find_credentials(connecting, root_certificates=root_certificates)
        if credentials is None and not (is_own or first.is_loopback):
            credentials = find_surroundings(environ, root_certificates=root_certificates)
            if credentials is None:
                raise missing_credentials(environ)
        if credentials is None:
            # A service on this machine is most likely the local one, which needs no credentials of the cloud.
            credentials = Anonymous()
        # The transport checks an endpoint that is yet to be looked up.
        if isinstance(service, Endpoint) and not (is_own or isinstance(credentials, Anonymous)):
            service.check_private()
        if folder_id is None:
            folder_id = "" if credentials.is_service_account else environ.get("YC_FOLDER_ID", "")
            if isinstance(credentials, YcProfile) and not credentials.is_service_account:
                folder_id = folder_id or credentials.folder_id or ""
        tls = _protect(service, root_certificates, client_certificate, server_name)
        return cls(service, choice, credentials, folder_id, tls, _headers(data_logging))


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a client, with their defaults."""

    endpoint: str | ApiEndpoints | None = None
    transport: TransportChoice | None = None
    credentials: Credentials | None = None
    folder_id: str | None = None
    root_certificates: Pem | None = field(default=None, repr=False)
    client_certificate: tuple[Pem, Pem] | None = field(default=None, repr=False)
    server_name: str | None = None
    insecure: bool = False
    data_logging: bool | None = None

    def keywords(self) -> dict[str, Any]:
        """Return the arguments as keyword arguments."""
        return {argument.name: getattr(self, argument.name) for argument in fields(self)}

    def resolve(self, environ: Mapping[str, str]) -> Settings:
        """Return the settings of a client with these arguments; raises as `Settings.resolve` does."""
        return Settings.resolve(environ, **self.keywords())


def _protect(
    service: Endpoint | Lookup,
    root_certificates: Pem | None,
    client_certificate: tuple[Pem, Pem] | None,
    server_name: str | None,
) -> Tls:
    if not (service.plaintext if isinstance(service, Endpoint) else service.insecure):
        certificate = None if client_certificate is None else read_client_certificate(client_certificate)
        return Tls(read_trust(root_certificates), certificate, read_server_name(server_name))
    target = service.target if isinstance(service, Endpoint) else "the service"
    if client_certificate is not None:
        message = f"a client certificate is for TLS, and {target} is called in plaintext"
        raise SettingError(message, advice=[Advice("drop", "client_certificate"), USE_TLS])
    if server_name is not None:
        message = f"a server name is for TLS, and {target} is called in plaintext"
        raise SettingError(message, advice=[Advice("drop", "server_name"), USE_TLS])
    return Tls()


def _headers(data_logging: bool | None) -> Headers:  # noqa: FBT001 - the option itself
    return () if data_logging is None else (("x-data-logging-enabled", "true" if data_logging else "false"),)


def _check_choice(choice: str) -> TransportChoice:
    if choice not in get_args(TransportChoice):
        message = f"the transport {choice!r} is not one of {', '.join(get_args(TransportChoice))}"
        raise SettingError(message, advice=[Advice("correct", "transport", rest="or VISION_GRPC_TRANSPORT")])
    return cast("TransportChoice", choice)


def _first(argument: str | None, variable: str | None, default: str) -> str:
    if argument is not None:
        return argument
    # An empty variable is how scripts unset one.
    return variable or default
