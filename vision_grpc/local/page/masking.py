"""Metadata without the secrets in it, as it may be kept and shown."""

import re
from collections.abc import Mapping

from vision_grpc.local.calls.call import TEST_ID

MASK = "••••"
"""What stands in the place of a secret."""

_MOST_NAMES = 64
_LONGEST_NAME = 128
_LONGEST_VALUE = 1024
_SECRET_NAME = re.compile(
    r"auth|token|secret|cookie|passw|credential|session|signature|jwt|api[-_.]?key|private[-_.]?key|access[-_.]?key"
    r"|(^|[-_.])(key|pwd|pass|sid|csrf|xsrf|sig)($|[-_.])",
    re.IGNORECASE,
)
# The forms of Yandex Cloud's tokens and keys, and of JWTs: users send them under any name. A JWT is looked for where a
# run of its characters begins, so that a text of very many beginnings is gone through once.
_FORMS = (
    r"\bt1\.[\w+/=.-]{8,}|\by[0-3]_[\w-]{8,}|\bAQVN[\w-]{8,}|-----BEGIN.*"
    r"|(?<![\w-])(?=(?:[\w-]*-)?eyJ)[\w-]++(?:\.[\w-]*){1,4}"
)
# Whatever follows the name of a scheme, and passwords and keys in addresses.
_NAMED = (
    r"(?<=bearer )\S+|(?<=api-key )\S+|(?<=basic )\S+|(?<=://)[^\s/@]+(?=@)"
    r"|(?<=key=)[^\s&,;]+|(?<=token=)[^\s&,;]+|(?<=password=)[^\s&,;]+"
)
_FLAGS = re.IGNORECASE | re.DOTALL
_SECRET_FORM = re.compile(_FORMS, _FLAGS)
_SECRET_VALUE = re.compile(f"{_FORMS}|{_NAMED}", _FLAGS)
# Calls are found and repeated by them, and names of tests have parameters such as `[token=expired]`.
_FOR_TESTS = (TEST_ID, "x-fault")
_SCHEMES = {"api-key": "Api-Key", "basic": "Basic", "bearer": "Bearer"}
_AUTHORIZATION = ("authorization", "proxy-authorization")


def mask(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return a copy without secrets; long values are cut, and so are metadata of very many names."""
    return {
        name[:_LONGEST_NAME]: _shorten(_mask(name, value))
        for name, value, _ in zip(metadata, metadata.values(), range(_MOST_NAMES), strict=False)
    }


def _mask(name: str, value: str) -> str:
    if name in _AUTHORIZATION:
        # A key that was sent without a scheme stands where the scheme does.
        scheme = _SCHEMES.get(value.partition(" ")[0].lower())
        return MASK if scheme is None else f"{scheme} {MASK}"
    if name in _FOR_TESTS:
        return _SECRET_FORM.sub(MASK, value)
    return MASK if _SECRET_NAME.search(name) else mask_text(value)


def mask_text(text: str) -> str:
    """Return a text in which the secrets that can be told by their form are masked."""
    return _SECRET_VALUE.sub(MASK, text)


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}… ({len(text):,} characters)"
