"""The folder that `serve --require-auth` writes: the secrets by which the service lets callers in."""

import fcntl
import json
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING, cast

import click

from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from vision_grpc.local import Identities

_KEY, _API_KEY, _OAUTH_TOKEN = _NAMES = "key.json", "api-key", "oauth-token"
# In the key's file, which has room for it: whoever reads keys passes over other fields. Beside it are the digests of
# the other files.
_MARK = {"made_by": "vision-grpc serve"}
_DIGESTS = "sha256"


@contextmanager
def hold_folder(folder: Path) -> Generator["SecretsFolder"]:
    """Give a folder in which secrets can be written; no other service takes it as long as the context lasts.

    It is made if need be, and then for this user alone.

    Raises:
        click.ClickException: a service has it already, a file there is somebody else's, or none can be written.
    """
    with _refusal(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with _refusal(folder):
            _lock(descriptor, folder)
            _refuse_others(folder)
            TemporaryFile(dir=folder).close()
        yield SecretsFolder(folder)
    finally:
        os.close(descriptor)


class SecretsFolder:
    """A folder that a service holds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, identities: "Identities") -> None:
        """Write files that only this user may read, in place of those that an earlier service wrote there.

        Raises:
            click.ClickException: a file there is somebody else's by now, or none can be written.
        """
        others = {_API_KEY: identities.api_key, _OAUTH_TOKEN: identities.oauth_token}
        digests = {name: sha256(secret.encode()).hexdigest() for name, secret in others.items()}
        key = json.dumps(identities.authorized_key | _MARK | {_DIGESTS: digests}, indent=2)
        with _refusal(self._folder), TemporaryDirectory(dir=self._folder, prefix=".new-") as new:
            for name, secret in {_KEY: key, **others}.items():
                path = Path(new, name)
                path.touch(mode=0o600)
                path.write_text(secret, encoding="utf-8")
            _refuse_others(self._folder)
            for name in _NAMES:
                Path(new, name).replace(self._folder / name)


@contextmanager
def _refusal(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        message = f"{quote_name(folder)}: no credentials can be written there ({error.strerror}), name another folder"
        raise click.ClickException(message) from error


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        message = f"{quote_name(folder)} holds the credentials of another service that runs: name another folder"
        raise click.ClickException(message) from error


def _refuse_others(folder: Path) -> None:
    there = {name: content for name in _NAMES if (content := _read(folder / name)) is not None}
    digests = _digests_in(there[_KEY]) if _KEY in there else None
    for name, content in there.items():
        if digests is None or (name != _KEY and digests.get(name) != sha256(content).hexdigest()):
            raise _foreign(folder / name)


def _read(path: Path) -> bytes | None:
    """Return what is in the file, None where nothing is of that name.

    Raises:
        click.ClickException: what is there is no regular file, which no service of ours makes.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise _foreign(path)
    return path.read_bytes()


def _digests_in(key: bytes) -> dict[str, object] | None:
    """Return the digests of the files beside a key of ours, None where the key is not."""
    try:
        fields: object = json.loads(key)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or not _MARK.items() <= fields.items():
        return None
    digests = cast("dict[str, object]", fields).get(_DIGESTS)
    return cast("dict[str, object]", digests) if isinstance(digests, dict) else {}


def _foreign(path: Path) -> click.ClickException:
    return click.ClickException(f"{quote_name(path)} is not of a local service and would be lost: name another folder")
