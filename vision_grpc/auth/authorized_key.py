"""Authorized keys of service accounts, as `yc iam key create` writes them, and the JWTs that they sign."""

import json
import os
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, cast

from vision_grpc.errors import AuthError
from vision_grpc.network.secrets.key_file import read_key_file, why_unread
from vision_grpc.network.secrets.quoting import quote_path
from vision_grpc.texts.cleaning import clean

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

# The IAM service requires this audience at every address.
_AUDIENCE = "https://iam.api.cloud.yandex.net/iam/v1/tokens"
# The longest that the service accepts, so that a slow clock may be late by as much.
_JWT_LIFETIME_S = 3600
_FIELDS = ("id", "service_account_id", "private_key")
_MAKE_ONE = "make one with `yc iam key create --service-account-name NAME --output key.json`"


class AuthorizedKey:
    """A key of a service account.

    Raises:
        AuthError: the fields are not those of a key; the message names `origin`.
    """

    def __init__(self, fields: Mapping[str, object], origin: str) -> None:
        values = [fields.get(name) for name in _FIELDS]
        missing = [name for name, value in zip(_FIELDS, values, strict=True) if not (isinstance(value, str) and value)]
        if missing:
            message = f"{origin} is not an authorized key of a service account (no {', '.join(missing)}): {_MAKE_ONE}"
            raise AuthError(message)
        self.key_id: str
        self.service_account_id: str
        self.key_id, self.service_account_id = (clean(str(value)).text for value in values[:2])
        pem = str(values[2])
        self._private_key = _load(pem, origin)

    def __repr__(self) -> str:
        return f"AuthorizedKey({self.key_id!r}, ...)"

    @classmethod
    def from_json(cls, text: str | bytes, origin: str) -> "AuthorizedKey":
        """Return the key in a JSON text.

        Raises:
            AuthError: the text is not that of a key.
        """
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):
            # Without a cause: a JSONDecodeError contains the whole text.
            fields = None
        if not isinstance(fields, dict):
            message = f"{origin} does not contain a JSON object, so it is not an authorized key: {_MAKE_ONE}"
            raise AuthError(message)
        return cls(cast("dict[str, object]", fields), origin)

    def sign(self) -> str:
        """Return a JWT that identifies the service account, signed now."""
        import jwt

        now = int(time.time())
        claims = {"iss": self.service_account_id, "aud": _AUDIENCE, "iat": now, "exp": now + _JWT_LIFETIME_S}
        return jwt.encode(claims, self._private_key, algorithm="PS256", headers={"kid": self.key_id})


class KeyFile:
    """The JSON file of a key, which may be replaced. A warning is logged when other users can read it.

    Raises:
        AuthError: the file does not contain a key.
    """

    def __init__(self, path: object) -> None:
        if not isinstance(path, str | os.PathLike):
            message = f"the key has to be a path, the text of its JSON or a mapping, not {type(path).__name__}"
            raise TypeError(message)
        self._path = Path(cast("str | os.PathLike[str]", path))
        self._origin = f"the key file {quote_path(self._path)}"
        content = self._read()
        self._key = AuthorizedKey.from_json(content, self._origin)
        self._digest = sha256(content).digest()
        # A pipe, as of `<(cat key.json)`, is empty once it has been read.
        self._lasts = self._path.is_file()

    def current_key(self) -> AuthorizedKey:
        """Return the key that is in the file now.

        Raises:
            AuthError: the file does not contain a key.
        """
        if self._lasts:
            content = self._read()
            # Loading an RSA key takes 60 ms, in which no other thread runs.
            if (digest := sha256(content).digest()) != self._digest:
                self._key = AuthorizedKey.from_json(content, self._origin)
                self._digest = digest
        return self._key

    def _read(self) -> bytes:
        try:
            return read_key_file(self._path, "the key file")
        except (OSError, ValueError) as error:
            reason = why_unread(error)
        # Without the cause, which may quote the key itself.
        message = f"{self._origin} cannot be read ({reason}): {_MAKE_ONE}"
        raise AuthError(message)


def is_json_object(text: str) -> bool:
    """Return whether a text is JSON rather than a path."""
    return clean(text).text.startswith("{")


def _load(pem: str, origin: str) -> "RSAPrivateKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    # The yc tool writes a line with a warning before the key.
    _, begin, key = pem.partition("-----BEGIN ")
    try:
        private_key = load_pem_private_key((begin + key).encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private_key = None
    if not isinstance(private_key, RSAPrivateKey):
        message = f"the private_key of {origin} is broken or not an RSA key in PEM form: {_MAKE_ONE}"
        raise AuthError(message)
    return private_key
