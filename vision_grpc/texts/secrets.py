"""Secrets, known by how they begin: users paste them where something else is expected."""

import re
from typing import Literal, TypeAlias

SecretKind: TypeAlias = Literal["ApiKey", "IamToken", "OAuthToken", "ServiceAccountKey"]
"""Kinds of secrets, by the classes of `vision_grpc.auth` that take them."""

_KINDS: tuple[tuple[re.Pattern[str], SecretKind], ...] = (
    (re.compile(r"(?:Authorization:\s*)?Api-Key\s|AQVN", re.IGNORECASE), "ApiKey"),
    (re.compile(r"(?:Authorization:\s*)?Bearer\s|t1\.[\w-]", re.IGNORECASE), "IamToken"),
    (re.compile(r"y[0-3]_"), "OAuthToken"),
    (re.compile(r"[{\[]|-----BEGIN"), "ServiceAccountKey"),
)
_AROUND = " \t\r\n\v\f\ufeff\"'`"
# A whole text that is a token or key, where a host or the name of a file may only begin like one: the last part of
# such a token is long, that of `t1.vision.internal.example.net` or `t1.scan_of_a_long_page.png` is not.
_TOKEN = re.compile(r"(?:(?:t1\.|eyJ)(?:[\w=-]+\.)*|y[0-3]_|AQVN)[\w=-]{20,}", re.ASCII | re.IGNORECASE)


def is_token(text: str) -> bool:
    """Return whether a text is a token or a key, which must be neither shown nor looked up."""
    return _TOKEN.fullmatch(text.strip(_AROUND)) is not None


def kind_of_secret(text: str) -> SecretKind | None:
    """Return what kind of secret a text begins like, None if it may be any or none."""
    bare = text.lstrip(_AROUND)
    return next((kind for beginning, kind in _KINDS if beginning.match(bare)), None)
