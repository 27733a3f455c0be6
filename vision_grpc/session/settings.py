"""The settings of a client: its arguments, completed from the environment and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, cast, get_args

from vision_grpc.api.api import Api
from vision_grpc.api.choice import API_NAMES, ApiName, api_of
from vision_grpc.auth import Anonymous, Credentials, YcProfile
from vision_grpc.auth.default import find_credentials, find_surroundings, missing_credentials
from vision_grpc.cloud.discovery import ApiEndpoints
from vision_grpc.errors import USE_TLS, Advice, SettingError
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Pem, Tls, read_client_certificate, read_server_name, read_trust
from vision_grpc.session.metadata import read_metadata
from vision_grpc.texts.cleaning import UncleanError, clean, clean_setting, read_variable
from vision_grpc.texts.quoting import show
from vision_grpc.transport.connect import TransportChoice
from vision_grpc.transport.discovered import Lookup
from vision_grpc.transport.headers import Headers

# What others call the transports.
_MEANT = {"http": "rest", "https": "rest", "http1": "rest", "json": "rest", "http2": "grpc", "grpcs": "grpc"}
API_VARIABLE = "VISION_GRPC_API"
ENDPOINT_VARIABLE, TRANSPORT_VARIABLE, FOLDER_VARIABLE = "VISION_GRPC_ENDPOINT", "VISION_GRPC_TRANSPORT", "YC_FOLDER_ID"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that calls need to know."""

    api: Api
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

    def endpoint_of(self, api: Api) -> Endpoint | Lookup:
        """Return where a method of the API is: the cloud has some at other endpoints, any other service all at one."""
        if isinstance(self.endpoint, Lookup):
            return replace(self.endpoint, service_id=api.service_id)
        if self.endpoint != Endpoint.parse(self.api.endpoint, insecure=False):
            return self.endpoint
        return Endpoint.parse(api.endpoint, insecure=False)

    @classmethod
    def resolve(
        cls,
        environ: Mapping[str, str],
        *,
        endpoint: str | ApiEndpoints | None,
        transport: object,
        api: str | None = None,
        credentials: Credentials | None,
        folder_id: str | None,
        root_certificates: Pem | None,
        insecure: bool,
        client_certificate: tuple[Pem, Pem] | None = None,
        server_name: str | None = None,
        data_logging: bool | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> "Settings":
        """Return the settings: arguments first, then the environment, then defaults.

        `transport` may be the caller's own object: then the endpoint and the environment's secrets and certificates
        are not used.

        Raises:
            TypeError: the metadata is not a mapping of texts.
            SettingError: an argument is malformed, or a secret would be sent in plaintext.
            AuthError: no credentials were given or found, or those that were found are unusable.
        """
        is_own = transport is not None and not isinstance(transport, str)
        connecting: Mapping[str, str] = {} if is_own else environ
        chosen = find_api(api, environ)
        service: Endpoint | Lookup
        if isinstance(endpoint, ApiEndpoints):
            service, first = Lookup(endpoint, insecure, chosen.service_id), endpoint.endpoint
        else:
            service = first = _find_endpoint(endpoint, connecting, chosen, insecure=insecure)
        named = transport if isinstance(transport, str) else None
        choice = find_transport(named, connecting)
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
        folder_id = _find_folder(folder_id, credentials, environ)
        tls = _protect(service, root_certificates, client_certificate, server_name, is_own=is_own)
        given = read_metadata(metadata)
        own = [(name, value) for name, value in chosen.headers(folder_id) if name not in dict(given)]
        headers = (*own, *_headers(data_logging), *given)
        return cls(chosen, service, choice, credentials, folder_id, tls, headers)


def find_api(given: str | None, environ: Mapping[str, str]) -> Api:
    """Return the API that is given, else that of the environment, else vision/v1.

    Raises:
        SettingError: it is not one of those that clients speak.
    """
    origin = "" if given is not None else f"{API_VARIABLE}: "
    text = _variable(environ, API_VARIABLE) or API_NAMES[0] if given is None else clean(given).text
    if (api := api_of(text.lower())) is None:
        message = f"{origin}the API {show(text)} is not one of {', '.join(API_NAMES)}"
        raise SettingError(message, advice=[Advice("correct", "api", rest=f"or {API_VARIABLE}")])
    return api


def find_transport(given: str | None, environ: Mapping[str, str]) -> TransportChoice:
    """Return the transport that is given, else that of the environment, else `auto`.

    Raises:
        SettingError: it is not one of the transports.
    """
    origin = "" if given is not None else f"{TRANSPORT_VARIABLE}: "
    text = _variable(environ, TRANSPORT_VARIABLE) or "auto" if given is None else clean(given).text
    choice = text.lower()
    if choice not in get_args(TransportChoice):
        meant = f", did you mean {_MEANT[choice]}?" if choice in _MEANT else ""
        message = f"{origin}the transport {show(text)} is not one of {', '.join(get_args(TransportChoice))}{meant}"
        raise SettingError(message, advice=[Advice("correct", "transport", rest=f"or {TRANSPORT_VARIABLE}")])
    return cast("TransportChoice", choice)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a client, with their defaults."""

    endpoint: str | ApiEndpoints | None = None
    transport: TransportChoice | None = None
    api: ApiName | None = None
    credentials: Credentials | None = None
    folder_id: str | None = None
    root_certificates: Pem | None = field(default=None, repr=False)
    client_certificate: tuple[Pem, Pem] | None = field(default=None, repr=False)
    server_name: str | None = None
    insecure: bool = False
    data_logging: bool | None = None
    metadata: Mapping[str, str] | None = field(default=None, repr=False)

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
    *,
    is_own: bool,
) -> Tls:
    if not (service.plaintext if isinstance(service, Endpoint) else service.insecure):
        certificate = None if client_certificate is None else read_client_certificate(client_certificate)
        # A transport of the caller's own makes its connections itself: the environment's files are not for it.
        trust = None if is_own and root_certificates is None else read_trust(root_certificates)
        return Tls(trust, certificate, read_server_name(server_name))
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


def _find_endpoint(given: str | None, environ: Mapping[str, str], api: Api, *, insecure: bool) -> Endpoint:
    if given is not None:
        return Endpoint.parse(given, insecure=insecure)
    text = _variable(environ, ENDPOINT_VARIABLE) or api.endpoint
    try:
        return Endpoint.parse(text, insecure=insecure)
    except SettingError as error:
        message = f"{ENDPOINT_VARIABLE}: {error.problem}"
        raise SettingError(message, advice=error.advice) from error


def _find_folder(given: str | None, credentials: Credentials, environ: Mapping[str, str]) -> str:
    if given is not None:
        return _check_folder(given, "the folder id", Advice("correct", "folder_id"))
    if credentials.is_service_account:
        return ""
    of_environment = environ.get(FOLDER_VARIABLE, "")
    folder_id = _check_folder(of_environment, FOLDER_VARIABLE, Advice(f"correct {FOLDER_VARIABLE} or unset it"))
    if not folder_id and isinstance(credentials, YcProfile):
        return credentials.folder_id or ""
    return folder_id


def _check_folder(text: str, origin: str, advice: Advice) -> str:
    try:
        folder_id = clean_setting(text)
        problem = "there is a blank inside" if " " in folder_id else ""
    except UncleanError as error:
        folder_id, problem = "", str(error)
    if problem:
        message = f"{origin}: {problem}"
        raise SettingError(message, advice=[advice])
    return folder_id


def _variable(environ: Mapping[str, str], name: str) -> str | None:
    try:
        return read_variable(environ, name)
    except UncleanError as error:
        raise SettingError(str(error), advice=[Advice(f"correct {name} or unset it")]) from None
