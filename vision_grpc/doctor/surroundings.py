"""What the settings are and where they come from; nothing is called."""

import time
from collections.abc import Mapping

from vision_grpc.auth import Anonymous, YcProfile
from vision_grpc.auth.default import ADDRESS_VARIABLES, VARIABLES
from vision_grpc.doctor.finding import FaultError, Finding
from vision_grpc.errors import Advice, AuthError, SettingError
from vision_grpc.network.tls import ClientCertificate, Trust
from vision_grpc.network.tls.trust import INSTALL_ROOTS, PASS_ROOTS
from vision_grpc.session.settings import (
    ENDPOINT_VARIABLE,
    FOLDER_VARIABLE,
    TRANSPORT_VARIABLE,
    Arguments,
    Settings,
)
from vision_grpc.texts.cleaning import clean, read_variable, removal_note
from vision_grpc.texts.quoting import quote_name, show

SOON_S = 14 * 24 * 3600.0
"""A certificate that expires within this time is a warning."""


def resolve(arguments: Arguments, environ: Mapping[str, str]) -> Settings:
    """Return the settings with the credentials that a client would use.

    Raises:
        FaultError: there are no usable credentials, or they may not be sent to this service.
    """
    try:
        return arguments.resolve(environ)
    except AuthError as error:
        variable = _variable_in(environ)
        if variable is not None:
            advice = [Advice(f"correct {variable}"), Advice("unset it")]
        else:
            advice = [*error.advice, Advice("run `yc init`")]
        raise FaultError(error.problem, *advice, name="credentials") from error
    except SettingError as error:
        # The other settings have been resolved before.
        raise FaultError(error.problem, *error.advice, name="credentials") from error


def find_endpoint(arguments: Arguments, settings: Settings, environ: Mapping[str, str]) -> Finding:
    """Return which endpoint is called, how, and what named it."""
    if arguments.endpoint is not None:
        origin = "as given"
    elif read_variable(environ, ENDPOINT_VARIABLE):
        note = removal_note(environ, ENDPOINT_VARIABLE)
        origin = f"from {ENDPOINT_VARIABLE}{note and f', {note}'}"
    else:
        origin = "the default"
    protection = "without TLS" if settings.first_endpoint.plaintext else "with TLS"
    if settings.tls.server_name is not None:
        protection += f" as {settings.tls.server_name}"
    message = f"{settings.first_endpoint.target} {protection} ({origin}), transport {settings.transport}"
    message += f", API {settings.api.name}"
    if arguments.transport is None and (note := removal_note(environ, TRANSPORT_VARIABLE)):
        message += f" (from {TRANSPORT_VARIABLE}, {note})"
    return Finding("endpoint", "ok", message)


def find_api(settings: Settings) -> Finding:
    """Return which version of the API is spoken, and what it does not have."""
    return Finding("api", "ok", f"{settings.api.name}: {settings.api.lacks}")


def find_trust(trust: Trust) -> Finding:
    """Return which certificates a service's is checked against."""
    count = len(trust.certificates)
    message = f"{trust.origin} ({count} certificate{'' if count == 1 else 's'})"
    if trust.is_makeshift:
        message = f"{message}, for this machine has no root certificates"
        return Finding("trust", "warning", message, [INSTALL_ROOTS, PASS_ROOTS])
    return Finding("trust", "ok", message)


def find_client_certificate(certificate: ClientCertificate) -> Finding:
    """Return the client certificate's subject and when it expires."""
    from cryptography.x509 import load_pem_x509_certificate

    # The chain begins with the client's own certificate.
    own = load_pem_x509_certificate(certificate.chain)
    left_s = own.not_valid_after_utc.timestamp() - time.time()
    until = f"{own.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC"
    message = f"the client presents {own.subject.rfc4514_string()}, valid until {until}"
    if left_s < 0:
        return Finding("certificate", "fault", f"{message}: it has expired", [Advice("renew the client certificate")])
    if left_s < SOON_S:
        return Finding("certificate", "warning", message, [Advice("renew the client certificate soon")])
    return Finding("certificate", "ok", message)


def find_credentials(arguments: Arguments, settings: Settings, environ: Mapping[str, str]) -> Finding:
    """Return the kind of the credentials and where they come from."""
    credentials = settings.credentials
    kind = type(credentials).__name__
    if isinstance(credentials, Anonymous):
        given = arguments.credentials is not None
        message = "none, as given" if given else "none: a service on this machine is called without credentials"
        return Finding("credentials", "ok", message)
    if isinstance(credentials, YcProfile):
        kind = f"{kind} {show(credentials.name)} ({credentials.kind})"
    variable = _variable_in(environ)
    found = "found on this machine" if variable is None else _origin(environ, variable)
    message = f"{kind}, {'as given' if arguments.credentials is not None else found}"
    for name in ADDRESS_VARIABLES:
        if note := removal_note(environ, name):
            message += f"; {name}: {note}"
    return Finding("credentials", "ok", message)


def find_folder(arguments: Arguments, settings: Settings, environ: Mapping[str, str]) -> Finding:
    """Return which folder is sent, if any, and what named it."""
    if settings.folder_id:
        message = f"{quote_name(settings.folder_id)} is sent"
        if arguments.folder_id is None and read_variable(environ, FOLDER_VARIABLE):
            message += f", {_origin(environ, FOLDER_VARIABLE)}"
        return Finding("folder", "ok", message)
    if settings.credentials.is_service_account:
        return Finding("folder", "ok", "none is sent: the service uses the folder of the service account")
    if isinstance(settings.credentials, Anonymous):
        return Finding("folder", "ok", "none is sent")
    return Finding(
        "folder",
        "warning",
        "none is sent, but tokens of users need one",
        [Advice("pass", "folder_id", variables=("YC_FOLDER_ID",), rest="unless the token is a service account's")],
    )


def _variable_in(environ: Mapping[str, str]) -> str | None:
    return next((name for name in VARIABLES if clean(environ.get(name, "")).text), None)


def _origin(environ: Mapping[str, str], variable: str) -> str:
    """Return that a setting is from a variable, and what was removed from around its value."""
    note = removal_note(environ, variable)
    return f"from {variable}{note and f' ({note})'}"
