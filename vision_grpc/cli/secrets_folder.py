"""The folder that `serve --require-auth` writes: the secrets by which the service lets callers in."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from vision_grpc.local import Identities

_KEY, _API_KEY, _OAUTH_TOKEN = _NAMES = "key.json", "api-key", "oauth-token"
# In the key's file, which has room for it: whoever reads keys passes over other fields.
_MARK = {"made_by": "vision-grpc serve"}


def write_secrets(folder: Path, identities: "Identities") -> None:
    """Write files that only this user may read, in place of those that an earlier service wrote there.

    Raises:
        click.ClickException: a file there is somebody else's, or none can be written.
    """
    secrets = {
        _KEY: json.dumps(identities.authorized_key | _MARK, indent=2),
        _API_KEY: identities.api_key,
        _OAUTH_TOKEN: identities.oauth_token,
    }
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_others(folder)
        for name, secret in secrets.items():
            path = folder / name
            path.unlink(missing_ok=True)
            path.touch(mode=0o600, exist_ok=False)
            path.write_text(secret, encoding="utf-8")
    except OSError as error:
        message = f"{folder}: no credentials can be written there ({error.strerror}), name another folder"
        raise click.ClickException(message) from error


def _refuse_others(folder: Path) -> None:
    there = [name for name in _NAMES if (folder / name).exists()]
    if there and not _is_ours(folder / _KEY):
        message = f"{folder / there[0]} is not of a local service and would be lost: name another folder"
        raise click.ClickException(message)


def _is_ours(key: Path) -> bool:
    try:
        fields: object = json.loads(key.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    return isinstance(fields, dict) and _MARK.items() <= fields.items()
