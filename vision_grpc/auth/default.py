"""Credentials that need not be named: from the environment, the `yc` tool or the machine.

Looked at are, in this order: `YC_API_KEY`, `YC_IAM_TOKEN`, `YC_SERVICE_ACCOUNT_KEY_FILE`
(the path of the file, or what is in it), `YC_OAUTH_TOKEN`, `YC_TOKEN` (either kind of token), the
current profile of `yc`, the metadata service of a virtual machine. The first that is there is taken;
one that is there and broken is an error, not passed over. Nothing is called.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from vision_grpc.auth.api_key import ApiKey
from vision_grpc.auth.credentials import Credentials
from vision_grpc.auth.iam_token import IamToken
from vision_grpc.auth.metadata import MetadataService
from vision_grpc.auth.oauth_token import OAuthToken
from vision_grpc.auth.service_account_key import ServiceAccountKey
from vision_grpc.auth.yc_profile import (
    DEFAULT_CONFIG,
    NoSecretError,
    UnreadableError,
    YcProfile,
    user_token,
    why_absent,
)
from vision_grpc.errors import Advice, AuthError
from vision_grpc.network.secrets.quoting import quote_path
from vision_grpc.texts.cleaning import UncleanError, clean, read_variable

IAM_ENDPOINT_VARIABLE = "VISION_GRPC_IAM_ENDPOINT"
"""Where tokens are exchanged, when not at the public IAM service; `http://` only on this machine."""

VARIABLES = ("YC_API_KEY", "YC_IAM_TOKEN", "YC_SERVICE_ACCOUNT_KEY_FILE", "YC_OAUTH_TOKEN", "YC_TOKEN")
"""Where the environment may hold credentials, in the order that they are looked at."""

_METADATA_VARIABLE = "YC_METADATA_ADDR"
ADDRESS_VARIABLES = (IAM_ENDPOINT_VARIABLE, _METADATA_VARIABLE)
"""Where the environment may say who issues tokens."""

# Says who built the machine. The cloud's virtual machines name the cloud; asking the network instead would
# let everybody else wait for an address that is not there.
_VENDOR = Path("/sys/class/dmi/id/sys_vendor")
_CLOUD_VENDOR = "yandex"


def default_credentials(
    *, root_certificates: bytes | str | os.PathLike[str] | None = None, config: Path = DEFAULT_CONFIG
) -> Credentials:
    """Return the first credentials there are: those of the environment, the `yc` profile or the virtual machine.

    Raises:
        AuthError: there are none, and the message says what was looked at; or the first are unusable.
    """
    environ = os.environ
    credentials = find_credentials(environ, root_certificates=root_certificates)
    if credentials is None:
        credentials = find_surroundings(environ, root_certificates=root_certificates, config=config)
    if credentials is None:
        raise missing_credentials(environ, config=config)
    return credentials


def find_credentials(
    environ: Mapping[str, str], *, root_certificates: bytes | str | os.PathLike[str] | None = None
) -> Credentials | None:
    """Return the credentials that the environment names, None where it names none.

    Raises:
        AuthError: what it names is unusable.
    """

    def iam() -> str | None:
        return _address(environ, IAM_ENDPOINT_VARIABLE)

    kinds: dict[str, Callable[[str], Credentials]] = {
        "YC_API_KEY": ApiKey,
        "YC_IAM_TOKEN": IamToken,
        "YC_SERVICE_ACCOUNT_KEY_FILE": lambda key: ServiceAccountKey(
            key, iam_endpoint=iam(), root_certificates=root_certificates
        ),
        "YC_OAUTH_TOKEN": lambda token: OAuthToken(token, iam_endpoint=iam(), root_certificates=root_certificates),
        "YC_TOKEN": lambda token: user_token(token, iam_endpoint=iam(), root_certificates=root_certificates),
    }
    for variable in VARIABLES:
        # Not `read_variable`: what is inside a secret or the JSON of a key is checked where its kind is known.
        if value := clean(environ.get(variable, "")).text:
            try:
                return kinds[variable](value)
            except (ValueError, AuthError) as error:
                raise AuthError.about(variable, error) from error
    return None


def find_surroundings(
    environ: Mapping[str, str],
    *,
    root_certificates: bytes | str | os.PathLike[str] | None = None,
    config: Path = DEFAULT_CONFIG,
) -> Credentials | None:
    """Return the identity of the `yc` profile or of the virtual machine, None where there is neither.

    Raises:
        AuthError: the profile is there and unusable.
    """
    address = _address(environ, _METADATA_VARIABLE)
    if why_absent(config) is None:
        iam_endpoint = _address(environ, IAM_ENDPOINT_VARIABLE)
        try:
            return YcProfile(path=config, iam_endpoint=iam_endpoint, root_certificates=root_certificates)
        except (NoSecretError, UnreadableError):
            # Virtual machines have such profiles, and their containers have configurations of other users.
            if not (address or _is_cloud_machine()):
                raise
    if address:
        try:
            return MetadataService(address)
        except ValueError as error:
            raise AuthError.about(_METADATA_VARIABLE, error) from error
    return MetadataService() if _is_cloud_machine() else None


def _address(environ: Mapping[str, str], variable: str) -> str | None:
    try:
        return read_variable(environ, variable)
    except UncleanError as error:
        raise AuthError(str(error)) from None


def missing_credentials(environ: Mapping[str, str], *, config: Path = DEFAULT_CONFIG) -> AuthError:
    """Return the error that says where credentials were looked for, and what to do."""
    empty = [variable for variable in VARIABLES if variable in environ]
    note = f" ({', '.join(empty)} empty)" if empty else ""
    message = (
        f"no credentials in the environment{note} or in {quote_path(config)} ({why_absent(config)}), and "
        "the metadata service was not asked (this machine is not a virtual machine of the cloud; "
        f"{_METADATA_VARIABLE} sets the address)"
    )
    return AuthError(message, advice=[Advice("pass", "credentials", variables=VARIABLES)])


def _is_cloud_machine() -> bool:
    try:
        return _CLOUD_VENDOR in _VENDOR.read_text(encoding="utf-8", errors="replace").lower()
    except OSError:
        return False
