"""Credentials from the environment."""

import os
from collections.abc import Callable, Mapping

from vision_grpc.auth.api_key import ApiKey
from vision_grpc.auth.credentials import Credentials
from vision_grpc.auth.iam_token import IamToken
from vision_grpc.errors import AuthError

_KINDS: dict[str, Callable[[str], Credentials]] = {"YC_API_KEY": ApiKey, "YC_IAM_TOKEN": IamToken}


def default_credentials() -> Credentials:
    """Return the first credentials that the environment holds: `YC_API_KEY`, then `YC_IAM_TOKEN`.

    Raises:
        AuthError: it holds none, or what it holds is unusable.
    """
    if (credentials := find_credentials(os.environ)) is None:
        raise missing_credentials()
    return credentials


def missing_credentials() -> AuthError:
    """Return the error that says where credentials may come from."""
    message = f"no credentials: set one of {', '.join(_KINDS)}, or pass credentials=ApiKey(...) or IamToken(...)"
    return AuthError(message)


def find_credentials(environ: Mapping[str, str]) -> Credentials | None:
    """Return what `default_credentials` does, or None where the environment holds nothing.

    Raises:
        AuthError: what it holds is unusable.
    """
    for variable, kind in _KINDS.items():
        # An empty variable is how scripts unset one.
        if value := environ.get(variable):
            try:
                return kind(value)
            except ValueError as error:
                message = f"{variable}: {error}"
                raise AuthError(message) from error
    return None
