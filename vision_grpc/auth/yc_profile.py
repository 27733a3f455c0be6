"""The identity that the `yc` command line tool was set up with."""

import os
from pathlib import Path
from typing import cast

from vision_grpc.auth.authorized_key import is_json_object
from vision_grpc.auth.credentials import TOKEN_TIMEOUT_S, Credentials, Secretive
from vision_grpc.auth.iam_token import IamToken
from vision_grpc.auth.oauth_token import OAuthToken
from vision_grpc.auth.service_account_key import ServiceAccountKey
from vision_grpc.auth.yc_config import Tree, read_yc_config
from vision_grpc.cloud.discovery import DEFAULT_API_ENDPOINT, ApiEndpoints
from vision_grpc.errors import AuthError
from vision_grpc.network.secrets.key_file import warn_of_readers
from vision_grpc.network.secrets.quoting import quote_path
from vision_grpc.texts.arguments import wrong_type
from vision_grpc.texts.cleaning import clean
from vision_grpc.texts.quoting import shorten, show

DEFAULT_CONFIG = Path("~/.config/yandex-cloud/config.yaml")

_NO_HOME = "the home folder of this user is not known, HOME sets it"
_IAM_TOKEN_START = "t1."  # noqa: S105 - what such tokens begin with


class NoSecretError(AuthError):
    """The profile names no credentials."""


class UnreadableError(AuthError):
    """The configuration is there, and cannot be read."""


class YcProfile(Secretive):
    """A profile of `yc`: its current one, or the one that is named.

    `folder_id` and `endpoint` are what the profile says of them, None where it says nothing. The endpoint
    is that of the cloud's endpoint service: tokens are exchanged where that service says, and
    `VisionClient(ApiEndpoints(profile.endpoint), credentials=profile)` calls the Vision service of the same cloud.
    The further arguments say where else tokens come from and how that is reached.

    Raises:
        AuthError: there is no such profile, or none that can be used.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        path: str | os.PathLike[str] = DEFAULT_CONFIG,
        iam_endpoint: str | ApiEndpoints | None = None,
        root_certificates: bytes | str | os.PathLike[str] | None = None,
        insecure: bool = False,
    ) -> None:
        if not isinstance(cast("object", name), str | None):
            raise wrong_type(name, "name", "the name of a profile")
        try:
            file = Path(path).expanduser()
        except RuntimeError:
            message = f"the configuration of yc is not found: {_NO_HOME}"
            raise UnreadableError(message) from None
        self.name: str
        self.name, fields = _find_profile(_read(file), file, name)
        self.folder_id: str | None = _text(fields, "folder-id")
        self.endpoint: str | None = _text(fields, "endpoint")
        origin = f"the profile {show(self.name)} in {quote_path(file)}"
        if iam_endpoint is None:
            iam_endpoint = _cloud_of(self.endpoint, origin, root_certificates, insecure=insecure)
        key, token = fields.get("service-account-key"), _text(fields, "token")
        self._inner: Credentials
        if token or (key and not _is_path(key)):
            warn_of_readers(file, "the configuration of yc in")
        if key:
            self._inner = ServiceAccountKey(
                os.path.expanduser(key) if isinstance(key, str) else key,  # noqa: PTH111 - may be JSON
                iam_endpoint=iam_endpoint,
                root_certificates=root_certificates,
                insecure=insecure,
            )
        elif token:
            try:
                self._inner = user_token(
                    token, iam_endpoint=iam_endpoint, root_certificates=root_certificates, insecure=insecure
                )
            except ValueError as error:
                raise AuthError.about(origin, error) from error
        else:
            message = (
                f"{origin} has neither token nor service-account-key (federated users have none): "
                "set YC_IAM_TOKEN=$(yc iam create-token), or run `yc init`"
            )
            raise NoSecretError(message)

    @property
    def is_service_account(self) -> bool:
        """Whether the profile is that of a service account."""
        return self._inner.is_service_account

    @property
    def kind(self) -> str:
        """The kind of credentials that the profile holds, by the name of their class."""
        return type(self._inner).__name__

    def authorization(self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S) -> str | None:
        """Return `Bearer <token>`; see `Credentials`."""
        return self._inner.authorization(refused=refused, timeout_s=timeout_s)

    async def authorization_async(
        self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S
    ) -> str | None:
        """Return what `authorization` does."""
        return await self._inner.authorization_async(refused=refused, timeout_s=timeout_s)


def _is_path(key: str | Tree) -> bool:
    return isinstance(key, str) and not is_json_object(key)


def _cloud_of(
    endpoint: str | None, origin: str, root_certificates: bytes | str | os.PathLike[str] | None, *, insecure: bool
) -> ApiEndpoints | None:
    """Return who knows the services of the profile's cloud, None for the public one: its IAM service is known."""
    if endpoint is None or endpoint == DEFAULT_API_ENDPOINT:
        return None
    try:
        return ApiEndpoints(endpoint, root_certificates=root_certificates, insecure=insecure)
    except ValueError as error:
        raise AuthError.about(origin, error) from error


def user_token(
    token: str,
    *,
    iam_endpoint: str | ApiEndpoints | None = None,
    root_certificates: bytes | str | os.PathLike[str] | None = None,
    insecure: bool = False,
) -> Credentials:
    """Return credentials of a token of either kind: IAM tokens are known by how they begin.

    Raises:
        ValueError: the token is empty or no token.
    """
    if clean(token).text.startswith(_IAM_TOKEN_START):
        return IamToken(token)
    return OAuthToken(token, iam_endpoint=iam_endpoint, root_certificates=root_certificates, insecure=insecure)


def why_absent(config: Path) -> str | None:
    """Return why there is no configuration of `yc` to read, None if there is one."""
    try:
        if config.expanduser().is_file():
            return None
    except RuntimeError:
        return _NO_HOME
    except OSError as error:
        return f"it cannot be looked at: {error.strerror}"
    return "there is no such file, `yc init` makes it"


def _read(file: Path) -> Tree:
    try:
        return read_yc_config(file.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"the configuration of yc in {quote_path(file)} cannot be read ({error.strerror}): run `yc init`"
        raise UnreadableError(message) from None
    except ValueError as error:
        reason = "it is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
        problem = f"is not understood: {reason}"
    # Without the causes, which hold the path or the text.
    message = f"the configuration of yc in {quote_path(file)} {problem}"
    raise AuthError(message)


def _find_profile(config: Tree, file: Path, name: str | None) -> tuple[str, Tree]:
    wanted = _text(config, "current") if name is None else name
    profiles = config.get("profiles")
    if not isinstance(profiles, dict) or wanted is None:
        message = f"the configuration of yc in {quote_path(file)} has no current profile: run `yc init`"
        raise AuthError(message)
    fields = profiles.get(wanted)
    if not isinstance(fields, dict):
        there = shorten(", ".join(profiles)) or "none"
        message = f"the configuration of yc in {quote_path(file)} has no profile {show(wanted)}, only {there}"
        raise AuthError(message)
    return wanted, fields


def _text(fields: Tree, key: str) -> str | None:
    value = fields.get(key)
    return clean(value).text or None if isinstance(value, str) else None
