"""Quotes for messages: of paths, addresses and answers, but never of what may be a secret."""

import os
import re

from vision_grpc.texts.quoting import quote_name

# Users paste keys, tokens and passwords where a path or an address is expected.
_SECRET = re.compile(r"[{\r\n]|-----BEGIN|^\s*(?:\w+://)?(?:t1\.|y[0-3]_|AQVN|eyJ)|^\s*(?![/~.])[\w+/=-]{60,}\s*$")
_LONGEST = 255
_USER = re.compile(r"^(\s*\w+://)?.*@", re.DOTALL)
_QUERY = re.compile(r"[?#].+", re.DOTALL)
_EXCERPT = 80


def quote_peer(text: str) -> str:
    """Return the beginning of another machine's answer in quotation marks, with control characters escaped."""
    return repr(text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}...")


def quote_path(path: str | os.PathLike[str]) -> str:
    """Return a path, quoted where a shell needs it, and only the length of a text that does not look like one."""
    text = os.fspath(path)
    if _SECRET.search(text) or len(text) > _LONGEST:
        return f"<{len(text)} characters that do not look like a path>"
    return quote_name(text)


def quote_endpoint(text: str) -> str:
    """Return an address in quotation marks, without its user, password and query."""
    if _SECRET.search(text) or len(text) > _LONGEST:
        return f"<{len(text)} characters that do not look like an address>"
    return repr(_QUERY.sub("?...", _USER.sub(r"\1...@", text)))
