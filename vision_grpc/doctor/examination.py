"""All the checks, in the order in which a call needs what they check."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from vision_grpc.auth import Anonymous
from vision_grpc.doctor.call import try_call
from vision_grpc.doctor.connectivity import check_connectivity
from vision_grpc.doctor.finding import FaultError, Finding
from vision_grpc.doctor.surroundings import (
    find_api,
    find_client_certificate,
    find_credentials,
    find_endpoint,
    find_folder,
    find_trust,
    resolve,
)
from vision_grpc.errors import Advice, SettingError
from vision_grpc.session.settings import Arguments


def examine(
    arguments: Arguments, environ: Mapping[str, str], *, call: bool = False, timeout_s: float = 10.0
) -> Iterator[Finding]:
    """Yield the findings, in the order in which a call needs what they are about.

    With `call` the last check is a call, which is not billed. Each step takes at most `timeout_s`.
    When the service cannot be reached, the settings are still checked.
    """
    try:
        settings = replace(arguments, credentials=Anonymous()).resolve(environ)
    except SettingError as error:
        advice = error.advice or [Advice("correct the setting that the message names")]
        yield Finding("settings", "fault", error.problem, advice)
        return
    yield find_endpoint(arguments, settings, environ)
    yield find_api(settings)
    if settings.tls.trust is not None:
        yield find_trust(settings.tls.trust)
    if settings.tls.client_certificate is not None:
        yield find_client_certificate(settings.tls.client_certificate)
    is_reachable = True
    try:
        yield from check_connectivity(settings, timeout_s)
    except FaultError as fault:
        is_reachable = False
        yield fault.finding
    try:
        settings = resolve(arguments, environ)
    except FaultError as fault:
        yield fault.finding
        return
    yield find_credentials(arguments, settings, environ)
    yield find_folder(arguments, settings, environ)
    if not (call and is_reachable):
        return
    try:
        yield from try_call(arguments, settings, timeout_s)
    except FaultError as fault:
        yield fault.finding
